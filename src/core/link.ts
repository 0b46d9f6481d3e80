import type { Answer, Cluster, Frame } from '../cluster/types.ts'
import { JID } from '../xml/jid.ts'
import { Stanza } from '../xml/stanza.ts'
import { StanzaError } from './errors.ts'
import { answering, ask } from './frames.ts'
import type { HomeTasks, TaskInput, TaskOutput } from './home-tasks.ts'
import { Lane } from './lane.ts'
import { then } from './maybe.ts'
import { Ports } from './ports.ts'
import { RemoteSessions } from './remote-sessions.ts'
import type { Router } from './router.ts'
import { AttachedService } from './services.ts'
import type { Session, SessionPort } from './session.ts'

/** Orders what a sender whose home is another node has sent to accounts of this one, as a session's own lanes do at its home. */
interface Correspondent {
  readonly preparing: Lane
  readonly settling: Lane
  /** Stanzas that have not settled. */
  stanzas: number
}

/**
 * What homes say to each other: an account's home is one node, its correspondents may be at others (and its connections: remote-sessions.ts).
 *
 * To a home: receive (the recipient's half of a stanza), spread (presence for many), forget, task (of an extension); attach and detach a
 * service.
 */
export class HomeLink {
  readonly #cluster: Cluster
  readonly #router: Router
  readonly #ports: Ports
  /** Sessions whose connection is not at their home. */
  readonly sessions: RemoteSessions
  /** Sessions whose home is this node and who write to others, told apart. */
  readonly #numbers = new WeakMap<Session, number>()
  #lastNumber = 0
  /** By the sender's session or address, as long as something of theirs is under way. */
  readonly #correspondents = new Map<string, Correspondent>()
  /** What ends the connections of services whose home is this node, likewise. */
  readonly #detachments = new Map<string, () => void>()

  constructor(cluster: Cluster, router: Router) {
    this.#cluster = cluster
    this.#router = router
    this.#ports = new Ports(cluster)
    this.sessions = new RemoteSessions(cluster, router, this.#ports)
    cluster.serve((frame, from) => this.#take(frame, from), {
      leaving: async () => Buffer.alloc(0),
      arriving: async () => {},
      lost: () => {},
    })
  }

  /** Connects a service whose home is `home` to a connection of this node; resolves with what ends that. */
  async attach(home: string, domain: string, port: SessionPort): Promise<() => Promise<void>> {
    const number = this.#ports.add(port)
    const forget = (): void => this.#ports.delete(number)
    await ask(this.#cluster, home, { op: 'attach', domain, port: number }).catch((error: unknown) => {
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
    await ask(this.#cluster, home, { op: 'receive', stanza: stanza.pack(), by })
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
    await ask(this.#cluster, home, { op: 'forget', account: account.toString() })
  }

  /** Has the home of an owner do what an extension has it do: `Router.atHome()`. */
  async atHome<T extends keyof HomeTasks>(
    home: string,
    task: T,
    owner: JID,
    input: TaskInput<T>,
  ): Promise<TaskOutput<T>> {
    const frame = { op: 'task', task, owner: owner.toString(), input: JSON.stringify(input) }
    const { output } = await ask(this.#cluster, home, frame)
    return (output === undefined ? undefined : JSON.parse(String(output))) as TaskOutput<T>
  }

  #take(frame: Frame, from: string): Answer | Promise<Answer> {
    return this.sessions.take(frame, from) ?? this.#ports.take(frame) ?? this.#takeOwn(frame, from)
  }

  #takeOwn(frame: Frame, from: string): Answer | Promise<Answer> {
    switch (frame.op) {
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
    const port = this.#ports.at(node, Number(frame.port))
    service.attach(port)
    this.#detachments.set(`${node} ${frame.port}`, () => service.detach(port))
    return {}
  }
}
