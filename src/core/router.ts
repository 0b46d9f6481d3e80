import { slotOf } from '../cluster/slots.ts'
import type { Cluster } from '../cluster/types.ts'
import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { arrival } from './arrival.ts'
import { AtHome } from './at-home.ts'
import type { Background } from './background.ts'
import { systemClock } from './clock.ts'
import { Commits } from './commit.ts'
import { errorReply, StanzaError } from './errors.ts'
import { Homes } from './homes.ts'
import type { Host } from './host.ts'
import { isRepeated } from './ids.ts'
import { LoneLink } from './link/lone-link.ts'
import type { Fetched, Release } from './link/remote-sessions.ts'
import type { Link, MakeLink } from './link/types.ts'
import type { Log } from './log.ts'
import { attempt, type Maybe, then } from './maybe.ts'
import { Metrics } from './metrics.ts'
import { type AttachedService, Services } from './services.ts'
import type { Origin, Session, SessionHandle, SessionPort } from './session.ts'
import { SessionEnds } from './session-ends.ts'
import { type BindPolicy, type BindWish, type BoundHandle, Sessions } from './sessions.ts'
import { Spreading } from './spread.ts'
import { Submissions } from './submissions.ts'
import type { NodeReport } from './survey.ts'
import { Telling } from './tell.ts'

/** Finishes a prepared stanza; to be run after all earlier stanzas of its sender have settled. */
export type Settle = () => Maybe<void>

/** What a router is made of. */
export interface RouterParts {
  readonly cluster: Cluster
  readonly background: Background
  readonly policy: BindPolicy
  readonly log: Log
  /** To be given where there may be other nodes. */
  readonly link?: MakeLink
  /** Where to count. */
  readonly metrics?: Metrics
}

/** Decides where a stanza goes: to this server, to an account here or at another node, to another server. */
export class Router {
  readonly cluster: Cluster
  readonly homes: Homes
  readonly sessions: Sessions
  readonly sessionEnds: SessionEnds
  readonly services = new Services()
  /** What is done at the homes of owners. */
  readonly atHome: AtHome
  /** How other nodes get sessions whose connections are here; set by whoever has the connections. */
  release: Release | undefined
  /** What this node says of itself when others ask; set by whoever knows. */
  report: (() => NodeReport) | undefined
  /** Stops the process in order, as a failure if it is to be started `again`; set by whoever runs it. */
  halt: ((again: boolean) => void) | undefined
  readonly #hosts = new Map<string, Host>()
  readonly #background: Background
  readonly #log: Log
  readonly #link: Link
  readonly #commits: Commits
  readonly #submissions: Submissions
  readonly #spreading: Spreading
  readonly #telling: Telling

  constructor(parts: RouterParts) {
    const { cluster } = parts
    this.cluster = cluster
    this.homes = new Homes(owner => cluster.alone || cluster.homeOf(owner) === cluster.node)
    this.sessions = new Sessions(this.homes, parts.policy)
    this.#background = parts.background
    this.#log = parts.log
    this.#link = parts.link?.(cluster, this) ?? new LoneLink(this)
    this.atHome = new AtHome(this, this.#link)
    this.sessionEnds = new SessionEnds(this, this.#link, parts.background)
    this.#commits = new Commits(parts.metrics ?? new Metrics(systemClock))
    this.#submissions = new Submissions(this, this.#link, this.#commits)
    this.#spreading = new Spreading(this, this.#link, parts.background)
    this.#telling = new Telling(this, this.#link, parts.background)
  }

  /** All hosts. */
  get hosts(): Iterable<Host> {
    return this.#hosts.values()
  }

  /** Called by each host as it starts. */
  addHost(host: Host): void {
    this.#hosts.set(host.domain, host)
  }

  /** The host of a domain that is served here. */
  host(domain: string): Host | undefined {
    return this.#hosts.get(domain)
  }

  /**
   * Connects a service to its home; resolves with what disconnects it. Rejects with the StanzaError `conflict` when it is
   * connected already, here or at another node.
   */
  async attach(service: AttachedService, port: SessionPort): Promise<() => Promise<void>> {
    return this.#link.attach(service, port)
  }

  /** Binds a connection to an account of a host served here (RFC 6120 §7), at its home. Rejects with the StanzaError to answer. */
  async bind(
    account: JID,
    resource: string | undefined,
    port: SessionPort,
    device?: string,
  ): Promise<SessionHandle> {
    const { handle } = await this.#bind(account, { resource, device }, port)
    return handle
  }

  /** The same with all that XEP-0386 lets a client ask for at once. */
  async bindInline(account: JID, wish: BindWish, port: SessionPort): Promise<BoundHandle> {
    return this.#bind(account, wish, port)
  }

  #bind(account: JID, wish: BindWish, port: SessionPort): Maybe<BoundHandle> {
    if (!this.isHome(account)) return this.#link.bind(account, wish, port)
    const { node } = this.cluster
    const bound = this.sessions.bind(this.hostOf(account), { ...wish, account, node, port })
    return then(bound, ({ session, inline }) => ({ handle: this.#link.handle(session), inline }))
  }

  /**
   * XEP-0198 §5: takes a session over from the node that has its connection, for a connection of this one. Undefined when no other node
   * has a session of this account under this id.
   */
  async fetch(account: JID, id: string, port: SessionPort): Promise<Fetched | undefined> {
    const here = this.isHome(account)
    const nodes = here ? this.nodesHere(account) : await this.#link.nodes(account)
    for (const node of nodes) {
      const fetched = node === this.cluster.node ? undefined : await this.#link.fetch(node, account, id, port)
      if (fetched !== undefined) return fetched
    }
    return undefined
  }

  /** The nodes that have connections of an account whose home is this one. */
  nodesHere(account: JID): readonly string[] {
    return [...new Set(this.homes.find(account)?.sessions.map(session => session.node))]
  }

  /** Has a session whose home is this node go on over a connection of another; see `SessionHandle.move()`. */
  move(session: Session, node: string, number: number): void {
    this.#link.move(session, node, number)
  }

  /** A session has come from another home; see the event. */
  arrived(session: Session, catchingUp: boolean, { hooks }: Host, recovered = false): void {
    const told = this.homes.inLane(session.jid, () =>
      hooks.emit('session:arrived', { session, catchingUp, recovered }),
    )
    this.#background.run('arrived', told)
  }

  /** Takes a stanza from a session whose home is this node; see `Submissions.submit()`. */
  submit(stanza: Stanza, session: Session, number = 0): Maybe<void> {
    return this.#submissions.submit(stanza, session, number)
  }

  /**
   * The recipient's half of a stanza that comes from another node or from the server, whose recipient's home is this node, up to the
   * commit, which is started here. Throws or rejects with the StanzaError that answers the sender; so does what is returned.
   * `again`: a home that had it before has died, after it stored it or before, and perhaps before it delivered it. Those who got it know it
   * by its id (XEP-0359).
   */
  prepareArrival(stanza: Stanza, sender?: object, again = false): Maybe<Settle> {
    const origin: Origin = { send: answer => this.route(answer) }
    return then(arrival(this, stanza, origin, undefined, sender), ({ writes, arrive }) => {
      const host = this.#hosts.get((stanza.to ?? stanza.from).domain)
      const committed = host === undefined ? undefined : this.#commits.begin(host, writes)
      return () => then(committed, () => (isRepeated(writes) && !again ? undefined : arrive()))
    })
  }

  /** Takes a stanza from a service, and has `origin` answer for it. Settles when it is handled; never rejects: errors are answered. */
  accept(stanza: Stanza, origin: Origin): Maybe<void> {
    return this.answering(stanza, origin, () => this.arrive(stanza))
  }

  /** Runs a task, and has `origin` answer the stanza with what it throws. */
  answering(stanza: Stanza, origin: Origin, task: () => Maybe<void>): Maybe<undefined> {
    return attempt<undefined>(
      () => then(task(), () => undefined),
      error => {
        this.unexpected(error)
        const reply = errorReply(stanza, StanzaError.from(error))
        if (reply !== undefined) origin.send(reply)
        return undefined
      },
    )
  }

  /** Sends a stanza that the server made on its way. Nobody waits for it, and no error answers it; `failed` is told of it. */
  route(stanza: Stanza, failed = (error: unknown): void => this.unexpected(error)): void {
    this.#background.run(
      'route',
      attempt(() => this.arrive(stanza), failed),
    )
  }

  /**
   * Sends a user's presence, or a probe, to many at once; nobody waits for it, and no error answers it. Users of this server who are
   * not available are left out: neither has a meaning for them. Another node gets one frame for all of its users.
   */
  spread(presence: Stanza, recipients: readonly JID[]): void {
    this.#spreading.spread(presence, recipients)
  }

  /** The same for those whose home is this node. */
  spreadHere(presence: Stanza, recipients: readonly JID[]): void {
    this.#spreading.spreadHere(presence, recipients)
  }

  /**
   * Sends a message or presence of a room to many of its occupants, each a full JID, in this order of calls; nobody waits for it, and no error
   * answers it. Only the guards of a recipient run, for `by`, the real address of whom it comes from, as for what comes from that.
   */
  tellMany(stanza: Stanza, recipients: readonly JID[], by: JID): void {
    this.#telling.tell(stanza, recipients, by)
  }

  /** The same for those whose home is this node. */
  tellHere(stanza: Stanza, recipients: readonly JID[], by: JID): void {
    this.#telling.tellHere(stanza, recipients, by)
  }

  /** The recipient's half, here or at another node. Throws or rejects with the StanzaError that answers the sender. */
  arrive(stanza: Stanza): Maybe<void> {
    if (!this.isHome(stanza.to ?? stanza.from)) return this.#link.receive(stanza).answer.then(() => undefined)
    const leave = this.enter(stanza)
    const arrive = (): Maybe<void> => then(this.prepareArrival(stanza), settle => settle())
    return leave === undefined ? arrive() : (async () => arrive())().finally(leave)
  }

  /** The host of an address that is known to be served here, be it that of a service. */
  hostOf(jid: JID): Host {
    const host = this.hostBehind(jid.domain)
    if (host === undefined) throw new Error(`no host ${jid.domain}`)
    return host
  }

  /** The host of a domain, be it that of one of its services; undefined for what is not served here, or by no host alone. */
  hostBehind(domain: string): Host | undefined {
    return this.#hosts.get(domain) ?? this.#hosts.get(this.services.hostOf(domain) ?? '')
  }

  /** Resolves when everything that was submitted has been handled, here and on its way to other nodes. */
  async settled(): Promise<void> {
    do {
      await this.homes.settled()
      await this.#background.settled()
      await this.cluster.settled()
      await this.#link.settled()
    } while (this.homes.busy || this.#background.size > 0)
  }

  /**
   * Whether an account or a service has its home at this node, and nothing is on its way to it that has to come before; always so for what
   * has no home.
   */
  isHome(jid: JID): boolean {
    if (this.cluster.alone) return true
    const owner = this.ownerOf(jid)
    if (owner === undefined) return true
    const slot = slotOf(owner.toString())
    return this.cluster.homeOfSlot(slot) === this.cluster.node && this.#link.isIdle(slot)
  }

  /** Whose home handles what is for an address; undefined for what any node does. */
  ownerOf(jid: JID): JID | undefined {
    if (this.#hosts.has(jid.domain)) return jid.local === '' ? undefined : jid.bare
    return this.services.of(jid.domain)?.owner(jid)
  }

  /** The recipient's home must not move before what is returned is called; undefined where it does not anyway. */
  enter(stanza: Stanza): (() => void) | undefined {
    if (this.cluster.alone) return undefined
    const owner = this.ownerOf(stanza.to ?? stanza.from)
    return owner && this.homes.enter(owner)
  }

  /** Logs what is no answer to a sender but a fault of ours. */
  unexpected(error: unknown): void {
    if (!(error instanceof StanzaError))
      this.#log.error({ code: 'TIDINGS_HANDLER_FAILED', err: error }, 'a stanza could not be handled')
  }
}
