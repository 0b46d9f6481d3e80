import { slotOf } from '../../cluster/slots.ts'
import type { Answer, Cluster, Frame } from '../../cluster/types.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { systemClock } from '../clock.ts'
import type { Handled } from '../handled.ts'
import type {
  HomeTasks,
  NodeTaskInput,
  NodeTaskOutput,
  NodeTasks,
  TaskInput,
  TaskOutput,
} from '../home-tasks.ts'
import { lastly, type Maybe } from '../maybe.ts'
import { isRepeatable } from '../resends.ts'
import type { Router } from '../router.ts'
import type { AttachedService } from '../services.ts'
import type { Session, SessionHandle, SessionPort } from '../session.ts'
import type { BindWish, BoundHandle } from '../sessions.ts'
import { Asked } from './asked.ts'
import { Attachments } from './attachments.ts'
import { Channels } from './channels.ts'
import { Correspondents } from './correspondents.ts'
import type { Errand, Sending } from './errands.ts'
import { answering, ask } from './frames.ts'
import { Handle, type HandleParts } from './handle.ts'
import { Moves } from './moves.ts'
import { Ports } from './ports.ts'
import { Recovery } from './recovery.ts'
import { type Fetched, RemoteSessions } from './remote-sessions.ts'
import type { Link, MakeLink } from './types.ts'

/**
 * What homes say to each other: an account's home is one node, its correspondents may be at others (and its connections: remote-sessions.ts).
 *
 * To a home: receive (the recipient's half of a stanza), spread (presence for many), forget, handled (what a session has), task (of an extension). Each names its owner; who is not its home answers `moved`. To a node: report (how it is), recover (what it knows of sessions whose home has died).
 */
class HomeLink implements Link {
  readonly #channels: Channels
  readonly #cluster: Cluster
  readonly #router: Router
  readonly #asked: Asked
  readonly #ports: Ports
  readonly #parts: HandleParts
  readonly #recovery: Recovery
  /** Sessions whose connections have numbers. */
  readonly #sessions: RemoteSessions
  /** Connections of services. */
  readonly #services: Attachments
  /** Sessions whose home is this node and who write to others, told apart. */
  readonly #numbers = new WeakMap<Session, number>()
  #lastNumber = 0
  readonly #correspondents = new Correspondents()
  /** The last run (core/link/channels.ts) of which something was refused, by node and slot. */
  readonly #refused = new Map<string, Map<number, number>>()

  constructor(cluster: Cluster, router: Router) {
    this.#cluster = cluster
    this.#router = router
    this.#asked = new Asked(systemClock)
    this.#ports = new Ports(cluster, this.#asked)
    this.#channels = new Channels(cluster, (frame, from) => this.#take(frame, from))
    this.#parts = { router, channels: this.#channels, ports: this.#ports, asked: this.#asked }
    this.#sessions = new RemoteSessions(cluster, this.#parts)
    this.#services = new Attachments(cluster, this.#parts)
    this.#recovery = new Recovery(cluster, this.#parts, this.#services)
    const moves = new Moves(cluster, this.#parts, this.#sessions, this.#services, this.#recovery)
    cluster.serve((frame, from) => this.#take(frame, from), moves)
  }

  handle(session: Session): SessionHandle {
    return new Handle(session.jid, this.#parts).arrive(session)
  }

  attach(service: AttachedService, port: SessionPort): Promise<() => Promise<void>> {
    return this.#services.attach(service, port)
  }

  bind(account: JID, wish: BindWish, port: SessionPort): Promise<BoundHandle> {
    return this.#sessions.bind(account, wish, port)
  }

  nodes(account: JID): Promise<readonly string[]> {
    return this.#sessions.nodes(account)
  }

  fetch(node: string, account: JID, id: string, port: SessionPort): Promise<Fetched | undefined> {
    return this.#sessions.fetch(node, account, id, port)
  }

  move(session: Session, node: string, number: number): void {
    this.#sessions.move(session, node, number)
  }

  ended(session: Session): void {
    this.#sessions.delete(session)
  }

  isIdle(slot: number): boolean {
    return this.#channels.isIdle(slot)
  }

  settled(): Promise<void> {
    return this.#channels.settled()
  }

  receive(stanza: Stanza, session?: Session): Sending {
    const owner = this.#ownerOf(stanza.to ?? stanza.from)
    const sending = this.#channels.send(this.#errand(owner, stanza, session))
    // Of a connection elsewhere that one looks after it.
    if (stanza.kind === 'iq' && session?.node === this.#cluster.node)
      this.#asked.begin(stanza, sending.answer, answer => session.send(answer))
    return sending
  }

  #ownerOf(address: JID): string {
    return (this.#router.ownerOf(address) ?? address.bare).toString()
  }

  #errand(owner: string, stanza: Stanza, sender?: Session): Errand {
    const by = sender && this.#numberOf(sender)
    const frame = { op: 'receive', owner, stanza: stanza.toFrame(), by }
    // Another server's, or a service's, is not at home anywhere.
    const from = sender === undefined ? this.#router.ownerOf(stanza.from)?.toString() : undefined
    return { owner, frame, repeatable: isRepeatable(stanza), sender, ...(from !== undefined && { from }) }
  }

  /** Two sessions may follow each other under one address: their stanzas are not of one order. */
  #numberOf(session: Session): number {
    const known = this.#numbers.get(session)
    if (known !== undefined) return known
    this.#numbers.set(session, ++this.#lastNumber)
    return this.#lastNumber
  }

  spread(stanza: Stanza, recipients: readonly JID[], by?: JID): void {
    const byNode = Map.groupBy(recipients, to => this.#channels.nodeFor(this.#ownerOf(to)))
    for (const [node, there] of byNode) {
      // RFC 7622 §3.4: no address holds a line break.
      const told = by === undefined ? {} : { by: by.toString() }
      const frame = { op: 'spread', stanza: stanza.toFrame(), to: there.join('\n'), ...told }
      const from = this.#router.ownerOf(stanza.from)?.toString()
      const errands = there.map((to): Errand => {
        const owner = this.#ownerOf(to)
        const own = { ...frame, owner, to: to.toString() }
        return { owner, frame: own, repeatable: true, ...(from !== undefined && { from }) }
      })
      if (node === undefined || node === this.#cluster.node)
        for (const errand of errands) this.#channels.send(errand)
      else this.#channels.sendMany(node, frame, errands)
    }
  }

  async forget(account: JID): Promise<void> {
    await this.#ask(account.bare.toString(), { op: 'forget' }, true)
  }

  async storeHandled({ account, id, h, ttl }: Handled): Promise<void> {
    await this.#ask(account.bare.toString(), { op: 'handled', id, h, ttl }, true)
  }

  async atHome<T extends keyof HomeTasks>(task: T, owner: JID, input: TaskInput<T>): Promise<TaskOutput<T>> {
    const frame = { op: 'task', task, input: JSON.stringify(input) }
    const { output } = await this.#ask(owner.bare.toString(), frame, false)
    return (output === undefined ? undefined : JSON.parse(String(output))) as TaskOutput<T>
  }

  async atNode<T extends keyof NodeTasks>(
    node: string,
    task: T,
    domain: string,
    input: NodeTaskInput<T>,
  ): Promise<NodeTaskOutput<T>> {
    const { output } = await ask(this.#cluster, node, {
      op: 'each',
      task,
      domain,
      input: JSON.stringify(input ?? null),
    })
    return JSON.parse(String(output ?? 'null')) as NodeTaskOutput<T>
  }

  #ask(owner: string, frame: Frame, repeatable: boolean): Promise<Answer> {
    return this.#channels.send({ owner, frame: { ...frame, owner }, repeatable }).answer
  }

  #take(frame: Frame, from: string): Answer | Promise<Answer> {
    if (frame.owner !== undefined && this.#refuses(frame, from)) return { moved: true }
    return (
      this.#sessions.take(frame, from) ??
      this.#ports.take(frame) ??
      this.#services.take(frame, from) ??
      this.#takeOwn(frame, from)
    )
  }

  /** Whether this node is not the home that a frame is for; or was not when an earlier one of its run came: they keep their order. */
  #refuses({ owner, run = 0 }: Frame, from: string): boolean {
    const slot = slotOf(String(owner))
    const refused = this.#refused.get(from)
    const here = this.#cluster.homeOfSlot(slot) === this.#cluster.node
    if (here && Number(run) > (refused?.get(slot) ?? -1)) return false
    if (refused === undefined) this.#refused.set(from, new Map([[slot, Number(run)]]))
    else refused.set(slot, Number(run))
    return true
  }

  #takeOwn(frame: Frame, from: string): Answer | Promise<Answer> {
    switch (frame.op) {
      case 'receive':
        return answering(() => this.#receive(frame, from))
      case 'spread':
        return this.#takeSpread(frame, from)
      case 'forget':
        return answering(() => this.#router.atHome.forgetHere(JID.parse(String(frame.owner))))
      case 'handled': {
        const { owner, id, h, ttl } = frame
        const account = JID.parse(String(owner))
        const handled = { account, id: String(id), h: Number(h), ttl: Number(ttl) }
        return answering(() => this.#router.atHome.storeHandledHere(handled))
      }
      case 'task':
        return answering(() => this.#doTask(frame))
      case 'each':
        return answering(() => this.#doAtNode(frame))
      case 'report':
        return this.#router.report?.() ?? {}
      case 'recover':
        return this.#recovery.take(frame)
      default:
        throw new Error(`unknown frame ${frame.op}`)
    }
  }

  #takeSpread({ stanza: framed, to, owner, by }: Frame, from: string): Answer {
    const recipients = String(to)
      .split('\n')
      .map(text => JID.parse(text))
    const isElsewhere = (jid: JID): boolean => this.#refuses({ op: '', owner: this.#ownerOf(jid) }, from)
    // One that names its owner has been looked at already.
    const elsewhere = owner === undefined ? recipients.filter(isElsewhere) : []
    const here = elsewhere.length === 0 ? recipients : recipients.filter(jid => !elsewhere.includes(jid))
    const stanza = Stanza.fromFrame(framed as Buffer)
    if (by === undefined) this.#router.spreadHere(stanza, here)
    else this.#router.tellHere(stanza, here, JID.parse(String(by)))
    return elsewhere.length === 0 ? {} : { moved: elsewhere.map(jid => this.#ownerOf(jid)).join('\n') }
  }

  /** RFC 6120 §10.1: what one entity sends to another arrives in order, also where some of it has to wait. */
  #receive({ stanza: framed, by, again }: Frame, node: string): Maybe<void> {
    const stanza = Stanza.fromFrame(framed as Buffer)
    this.#asked.answered(stanza)
    const leave = this.#router.enter(stanza)
    const sender = by === undefined ? stanza.from.toString() : `${node} ${by}`
    const receive = (): Maybe<void> =>
      this.#correspondents.run(sender, from => this.#router.prepareArrival(stanza, from, again === true))
    return leave === undefined ? receive() : lastly(receive, leave)
  }

  async #doTask({ task, owner, input }: Frame): Promise<Answer> {
    const about = JSON.parse(String(input))
    const output = await this.#router.atHome.runHere(task as keyof HomeTasks, JID.parse(String(owner)), about)
    return { output: JSON.stringify(output) }
  }

  async #doAtNode({ task, domain, input }: Frame): Promise<Answer> {
    const about = JSON.parse(String(input)) as never
    const output = await this.#router.atHome.eachHere(task as keyof NodeTasks, String(domain), about)
    return { output: JSON.stringify(output ?? null) }
  }
}

/** Makes the link of a node that may have others beside it. */
export const homeLink: MakeLink = (cluster, router) => new HomeLink(cluster, router)
