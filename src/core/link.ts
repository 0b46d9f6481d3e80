import type { Answer, Cluster, Frame, FrameValue } from '../cluster/types.ts'
import { JID } from '../xml/jid.ts'
import { readElement, TRUSTED_LIMITS } from '../xml/reader.ts'
import { Stanza } from '../xml/stanza.ts'
import { type StreamCondition, StreamError } from '../xml/stream-error.ts'
import { StanzaError } from './errors.ts'
import type { HomeTasks, TaskInput, TaskOutput } from './home-tasks.ts'
import { Lane } from './lane.ts'
import { type Maybe, then } from './maybe.ts'
import type { Router } from './router.ts'
import { AttachedService } from './services.ts'
import type { Session, SessionHandle, SessionPort } from './session.ts'

/** Orders what a sender whose home is another node has sent to accounts of this one, as a session's own lanes do at its home. */
interface Correspondent {
  readonly preparing: Lane
  readonly settling: Lane
  /** Stanzas that have not settled. */
  stanzas: number
}

/**
 * What homes say to each other: an account's home is one node, its connections and correspondents may be at others.
 *
 * To a home: bind, unbind, submit (the sender's half), receive (the recipient's half), spread (presence for many), forget, task (of an
 * extension); attach and detach a service.
 * From a home to a connection: deliver, drained, close. A connection is named by a number of its own node.
 */
export class HomeLink {
  readonly #cluster: Cluster
  readonly #router: Router
  /** Connections of this node whose sessions live at another home. */
  readonly #ports = new Map<number, SessionPort>()
  #lastPort = 0
  /** Sessions whose home is this node and who write to others, told apart. */
  readonly #numbers = new WeakMap<Session, number>()
  #lastNumber = 0
  /** Sessions whose home is this node and whose connection is at another: `node number`. */
  readonly #sessions = new Map<string, Session>()
  /** By the sender's session or address, as long as something of theirs is under way. */
  readonly #correspondents = new Map<string, Correspondent>()
  /** What ends the connections of services whose home is this node, likewise. */
  readonly #detachments = new Map<string, () => void>()

  constructor(cluster: Cluster, router: Router) {
    this.#cluster = cluster
    this.#router = router
    cluster.serve((frame, from) => this.#take(frame, from))
  }

  /** Binds a connection of this node to an account whose home is `home`. */
  async bind(
    home: string,
    account: JID,
    resource: string | undefined,
    port: SessionPort,
  ): Promise<SessionHandle> {
    const number = ++this.#lastPort
    this.#ports.set(number, port)
    const frame: Frame = { op: 'bind', account: account.toString(), resource, port: number }
    const answer = await this.#request(home, frame).catch((error: unknown) => {
      this.#ports.delete(number)
      throw error
    })
    return {
      jid: JID.parse(String(answer.jid)),
      submit: async stanza => {
        await this.#cluster.request(home, { op: 'submit', port: number, stanza: stanza.pack() })
      },
      unbind: async (lost = false) => {
        // RFC 6120 §4.4: what the home has sent before it knows still goes out.
        await this.#cluster
          .request(home, { op: 'unbind', port: number, lost })
          .finally(() => this.#ports.delete(number))
      },
    }
  }

  /** Connects a service whose home is `home` to a connection of this node; resolves with what ends that. */
  async attach(home: string, domain: string, port: SessionPort): Promise<() => Promise<void>> {
    const number = ++this.#lastPort
    this.#ports.set(number, port)
    const forget = (): void => void this.#ports.delete(number)
    await this.#request(home, { op: 'attach', domain, port: number }).catch((error: unknown) => {
      forget()
      throw error
    })
    return async () => {
      await this.#cluster.request(home, { op: 'detach', port: number }).finally(forget)
    }
  }

  /** Hands a stanza to its recipient's home; rejects with the StanzaError that answers the sender. */
  async receive(home: string, stanza: Stanza, session?: Session): Promise<void> {
    const by = session && this.#numberOf(session)
    await this.#request(home, { op: 'receive', stanza: stanza.pack(), by })
  }

  /** Two sessions may follow each other under one address: their stanzas are not of one order. */
  #numberOf(session: Session): number {
    const known = this.#numbers.get(session)
    if (known !== undefined) return known
    this.#numbers.set(session, ++this.#lastNumber)
    return this.#lastNumber
  }

  /** Hands presence to another node for all of its users among the recipients. */
  spread(node: string, presence: Stanza, recipients: readonly JID[]): void {
    // RFC 7622 §3.4: no address holds a line break.
    this.#cluster.notify(node, { op: 'spread', stanza: presence.pack(), to: recipients.join('\n') })
  }

  /** Has the home of an account forget it. */
  async forget(home: string, account: JID): Promise<void> {
    await this.#request(home, { op: 'forget', account: account.toString() })
  }

  /** Has the home of an owner do what an extension has it do: `Router.atHome()`. */
  async atHome<T extends keyof HomeTasks>(
    home: string,
    task: T,
    owner: JID,
    input: TaskInput<T>,
  ): Promise<TaskOutput<T>> {
    const frame = { op: 'task', task, owner: owner.toString(), input: JSON.stringify(input) }
    const { output } = await this.#request(home, frame)
    return (output === undefined ? undefined : JSON.parse(String(output))) as TaskOutput<T>
  }

  async #request(node: string, frame: Frame): Promise<Answer> {
    const answer = await this.#cluster.request(node, frame)
    if (answer.error !== undefined)
      throw StanzaError.parse(readElement(answer.error as Buffer, TRUSTED_LIMITS).tree())
    return answer
  }

  #take(frame: Frame, from: string): Answer | Promise<Answer> {
    switch (frame.op) {
      case 'bind':
        return answering(() => this.#bindFor(from, frame))
      case 'unbind': {
        const session = this.#sessions.get(`${from} ${frame.port}`)
        this.#sessions.delete(`${from} ${frame.port}`)
        return answering(
          () =>
            session &&
            this.#router.sessions.unbind(this.#router.hostOf(session.jid), session, frame.lost === true),
        )
      }
      case 'submit': {
        const session = this.#sessions.get(`${from} ${frame.port}`)
        return answering(() => session && this.#router.submit(Stanza.unpack(frame.stanza as Buffer), session))
      }
      case 'receive':
        return answering(() => this.#receive(Stanza.unpack(frame.stanza as Buffer), from, frame.by))
      case 'spread':
        this.#router.spread(
          Stanza.unpack(frame.stanza as Buffer),
          String(frame.to)
            .split('\n')
            .map(text => JID.parse(text)),
        )
        return {}
      case 'forget':
        return answering(() => this.#router.forget(JID.parse(String(frame.account))))
      case 'task':
        return answering(() => this.#doTask(frame))
      case 'attach':
        return answering(() => this.#attachFor(from, frame))
      case 'detach':
        this.#detachments.get(`${from} ${frame.port}`)?.()
        this.#detachments.delete(`${from} ${frame.port}`)
        return {}
      case 'deliver':
        this.#ports.get(Number(frame.port))?.send(Stanza.unpack(frame.stanza as Buffer))
        return {}
      case 'drained':
        return answering(async () => ({ taken: await this.#ports.get(Number(frame.port))?.drained() }))
      case 'close':
        this.#ports
          .get(Number(frame.port))
          ?.close(new StreamError(frame.condition as StreamCondition, frame.text as string | undefined))
        return {}
      default:
        throw new Error(`unknown frame ${frame.op}`)
    }
  }

  /** RFC 6120 §10.1: what one entity sends to another arrives in order, also where some of it has to wait. */
  async #receive(stanza: Stanza, node: string, by: Frame[string]): Promise<void> {
    const key = by === undefined ? stanza.from.toString() : `${node} ${by}`
    const from = this.#correspondents.get(key) ?? { preparing: new Lane(), settling: new Lane(), stanzas: 0 }
    this.#correspondents.set(key, from)
    from.stanzas++
    try {
      // In an object, so that the lane of preparing does not wait for the settling.
      const { settled } = await from.preparing.run(() =>
        then(this.#router.prepareArrival(stanza, from), settle => ({ settled: from.settling.run(settle) })),
      )
      await settled
    } finally {
      if (--from.stanzas === 0) this.#correspondents.delete(key)
    }
  }

  async #doTask({ task, owner, input }: Frame): Promise<Answer> {
    const about = JSON.parse(String(input))
    const output = await this.#router.atHome(task as keyof HomeTasks, JID.parse(String(owner)), about)
    return { output: JSON.stringify(output) }
  }

  #attachFor(node: string, frame: Frame): Answer {
    const service = this.#router.service(String(frame.domain))
    if (!(service instanceof AttachedService)) throw new StanzaError('item-not-found')
    const port = this.#portAt(node, frame.port)
    service.attach(port)
    this.#detachments.set(`${node} ${frame.port}`, () => service.detach(port))
    return {}
  }

  #bindFor(node: string, frame: Frame): Maybe<Answer> {
    const account = JID.parse(String(frame.account))
    const port = this.#portAt(node, frame.port)
    const request = {
      account,
      node,
      port,
      ...(frame.resource !== undefined && { resource: String(frame.resource) }),
    }
    return then(this.#router.sessions.bind(this.#router.hostOf(account), request), session => {
      this.#sessions.set(`${node} ${frame.port}`, session)
      return { jid: session.jid.toString() }
    })
  }

  /** A connection of another node. */
  #portAt(node: string, port: FrameValue): SessionPort {
    return {
      send: stanza => this.#cluster.notify(node, { op: 'deliver', port, stanza: stanza.pack() }),
      drained: () =>
        this.#cluster.request(node, { op: 'drained', port }).then(
          answer => answer.taken === true,
          () => false,
        ),
      close: ({ condition, text }) => this.#cluster.notify(node, { op: 'close', port, condition, text }),
    }
  }
}

/** Runs a task for another node; a StanzaError, or any other failure made into one, becomes the answer. */
async function answering(task: () => Maybe<Answer | undefined | void>): Promise<Answer> {
  try {
    return (await task()) ?? {}
  } catch (error) {
    return { error: Buffer.from(StanzaError.from(error).element().toString()) }
  }
}
