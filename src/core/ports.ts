import type { Answer, Cluster, Frame } from '../cluster/types.ts'
import { Stanza } from '../xml/stanza.ts'
import { type StreamCondition, StreamError } from '../xml/stream-error.ts'
import type { SessionPort } from './session.ts'

/**
 * Connections that other nodes write to: those of this node by a number of their own, those of others by node and number.
 * From a home to a connection: deliver, drained, hibernates, close.
 */
export class Ports {
  readonly #cluster: Cluster
  readonly #own = new Map<number, SessionPort>()
  #last = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Lets other nodes write to a connection of this one; returns its number. */
  add(port: SessionPort): number {
    this.#own.set(++this.#last, port)
    return this.#last
  }

  delete(number: number): void {
    this.#own.delete(number)
  }

  /** A connection, wherever it is. */
  at(node: string, number: number): SessionPort {
    const own = node === this.#cluster.node ? this.#own.get(number) : undefined
    return (
      own ?? {
        send: (stanza, turn) =>
          this.#cluster.notify(node, { op: 'deliver', port: number, stanza: stanza.pack(), turn }),
        drained: () =>
          this.#cluster.request(node, { op: 'drained', port: number }).then(
            answer => answer.missing as number | undefined,
            () => undefined,
          ),
        hibernates: () =>
          this.#cluster.request(node, { op: 'hibernates', port: number }).then(
            answer => answer.hibernates === true,
            () => false,
          ),
        close: ({ condition, text }) =>
          this.#cluster.notify(node, { op: 'close', port: number, condition, text }),
      }
    )
  }

  /** Takes a frame for a connection of this node; undefined if it is none. */
  take(frame: Frame): Answer | Promise<Answer> | undefined {
    const port = () => this.#own.get(Number(frame.port))
    switch (frame.op) {
      case 'deliver':
        port()?.send(Stanza.unpack(frame.stanza as Buffer), frame.turn as number | undefined)
        return {}
      case 'drained':
        return Promise.resolve(port()?.drained()).then(missing => ({ missing }))
      case 'hibernates':
        return Promise.resolve(port()?.hibernates?.()).then(hibernates => ({ hibernates }))
      case 'close':
        port()?.close(new StreamError(frame.condition as StreamCondition, frame.text as string | undefined))
        return {}
      default:
        return undefined
    }
  }
}
