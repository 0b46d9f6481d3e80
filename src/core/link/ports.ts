import type { Answer, Cluster, Frame } from '../../cluster/types.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { type StreamCondition, StreamError } from '../../xml/stream-error.ts'
import { givenNumber } from '../ids.ts'
import type { SessionPort } from '../session.ts'
import type { Asked } from './asked.ts'
import type { Handle } from './handle.ts'

/** A connection of this node that homes elsewhere know. */
interface Own {
  readonly port: SessionPort
  /** Of a session; once it is bound. */
  handle: Handle | undefined
  /** What its home wants it to remember of the session, should the home die: core/link/recovery.ts. */
  remembered: string | undefined
  /** The archived messages that were delivered to it last (`Append.id`), a ring. */
  readonly delivered: Delivered
  /** The greatest `Owner.messages` of what was delivered to it. */
  turn: number
}

/** So many archived messages are remembered of a connection: what was committed before may have been delivered after them, or not yet. */
const REMEMBERED = 32

/** Which archived messages a connection has got. */
class Delivered {
  #numbers: bigint[] = []

  /** False for one that it has got already. */
  add(number: bigint): boolean {
    if (this.#numbers.includes(number)) return false
    this.#numbers.push(number)
    if (this.#numbers.length > REMEMBERED) this.#numbers.shift()
    return true
  }

  /** All that came before this one it has got; undefined where there is none. */
  get from(): bigint | undefined {
    return this.#numbers.reduce<bigint | undefined>(
      (least, one) => (least === undefined || one < least ? one : least),
      undefined,
    )
  }
}

/** A connection that is no more. */
const GONE: SessionPort = { send() {}, drained: () => undefined, close() {} }

/**
 * Connections that other nodes write to: those of this node by a number of their own, those of others by node and number.
 * From a home to a connection: deliver, drained, hibernates, close, remember, flush.
 */
export class Ports {
  readonly #cluster: Cluster
  readonly #asked: Asked
  readonly #own = new Map<number, Own>()
  #last = 0

  constructor(cluster: Cluster, asked: Asked) {
    this.#cluster = cluster
    this.#asked = asked
  }

  /** Lets other nodes write to a connection of this one; returns its number. */
  add(port: SessionPort, handle?: Handle): number {
    this.#own.set(++this.#last, { port, handle, remembered: undefined, delivered: new Delivered(), turn: 0 })
    return this.#last
  }

  /** A connection has got its session. */
  name(number: number, handle: Handle): void {
    const own = this.#own.get(number)
    if (own !== undefined) own.handle = handle
  }

  /** What its home wants it to remember of the session of a connection of this node, as JSON. */
  remember(number: number, state: string): void {
    const own = this.#own.get(number)
    if (own !== undefined) own.remembered = state
  }

  delete(number: number): void {
    this.#own.delete(number)
  }

  /** A connection of this node. */
  own(number: number): SessionPort | undefined {
    return this.#own.get(number)?.port
  }

  /** What a connection of this node needs of its session. */
  handle(number: number): Handle | undefined {
    return this.#own.get(number)?.handle
  }

  /** All connections of this node that have sessions. */
  *sessions(): Generator<readonly [number: number, handle: Handle, own: Readonly<Own>]> {
    for (const [number, own] of this.#own) if (own.handle !== undefined) yield [number, own.handle, own]
  }

  /** A connection, wherever it is; `owner`: whose archive gives the messages their numbers. */
  at(node: string, number: number, owner?: JID): SessionPort {
    if (node === this.#cluster.node) {
      const own = this.#own.get(number)
      return own?.delivered.from === undefined || owner === undefined ? (own?.port ?? GONE) : once(own, owner)
    }
    return {
      send: (stanza, turn, copied) => {
        const archived = (copied ?? (owner && givenNumber(stanza, owner)))?.toString()
        this.#cluster.notify(node, { op: 'deliver', port: number, stanza: stanza.toFrame(), turn, archived })
      },
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
  }

  /** Takes a frame for a connection of this node; undefined if it is none. */
  take(frame: Frame): Answer | Promise<Answer> | undefined {
    const own = this.#own.get(Number(frame.port))
    switch (frame.op) {
      case 'deliver':
        if (own !== undefined) deliver(own, frame, this.#asked)
        return {}
      case 'drained':
        return Promise.resolve(own?.port.drained()).then(missing => ({ missing }))
      case 'hibernates':
        return Promise.resolve(own?.port.hibernates?.()).then(hibernates => ({ hibernates }))
      case 'close':
        own?.port.close(new StreamError(frame.condition as StreamCondition, frame.text as string | undefined))
        return {}
      case 'remember':
        this.remember(Number(frame.port), String(frame.state))
        return {}
      case 'flush':
        return {}
      default:
        return undefined
    }
  }
}

/** A connection that gets no archived message a second time that a home elsewhere has delivered. */
function once({ port, delivered }: Own, owner: JID): SessionPort {
  return {
    send: (stanza, turn, copied) => {
      const archived = copied ?? givenNumber(stanza, owner)
      if (archived === undefined || delivered.add(archived)) port.send(stanza, turn)
    },
    drained: () => port.drained(),
    hibernates: () => port.hibernates?.() ?? false,
    close: error => port.close(error),
  }
}

function deliver(own: Own, { stanza: packed, turn, archived }: Frame, asked: Asked): void {
  // A home that has come into a dead one's place does not know for certain what that has delivered.
  if (archived !== undefined && !own.delivered.add(BigInt(String(archived)))) return
  if (turn !== undefined) own.turn = Math.max(own.turn, Number(turn))
  const stanza = Stanza.fromFrame(packed as Buffer)
  asked.answered(stanza)
  own.port.send(stanza, turn as number | undefined)
}
