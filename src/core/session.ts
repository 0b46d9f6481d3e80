import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { StreamError } from '../xml/stream-error.ts'
import { Carried, inLanes, type StreamState } from './carried.ts'
import { Lane } from './lane.ts'
import type { Handle } from './link/handle.ts'
import { type Maybe, then } from './maybe.ts'
import type { Earlier } from './resends.ts'
import type { Unacknowledged } from './unacknowledged.ts'

/** Whoever can be answered: a session, a room, the way back to a remote server. */
export interface Origin {
  send(stanza: Stanza): void
}

/** The connection's end of a session: what its home needs of the transport. */
export interface SessionPort extends Origin {
  /**
   * Sends a stanza; `number` of a message delivered to the account: `Owner.messages` then; or KEPT. `archived`: its number in the archive of the
   * account (`Append.id`), where its `ids` do not say it, since it is a copy in another message.
   */
  send(stanza: Stanza, number?: number, archived?: bigint): void
  /**
   * For whoever sends a lot: waits until the transport has taken what was sent (where the client acknowledges: until it has done so).
   * How many of the last stanzas it has not taken: 0, or more if it is gone, or undefined if it is gone and nobody can say. A client
   * that reads nothing for too long loses its connection; one that may resume its session has some minutes.
   */
  drained(): Maybe<number | undefined>
  /** Whether its client has gone and may come back to resume the session (XEP-0198 §5). Without it: never. */
  hibernates?(): Maybe<boolean>
  /** Closes the stream with an error (RFC 6120 §4.9). Comes back as `SessionHandle.unbind()`. */
  close(error: StreamError): void
}

/** The home's end of a session: what a transport needs of the core. */
export interface SessionHandle {
  readonly jid: JID
  /** Takes over one stanza whose `from` is `jid`. Settles when it is handled (ARCHITECTURE §1); never rejects: errors are answered. */
  submit(stanza: Stanza): Maybe<void>
  /**
   * Ends the session when all it sent has settled: it becomes unavailable and is forgotten. `lost`: its connection is gone, so from
   * now on it receives nothing any more. `unacknowledged` is asked when nothing more comes; that finds another way then, in the same
   * turn of its owner's lane.
   */
  unbind(lost?: boolean, unacknowledged?: () => readonly Unacknowledged[]): Maybe<void>
  /** How its stream is: `broken` while the client may not know what has arrived, be it that the session is resumed later. */
  stream(state: StreamState): void
  /** XEP-0198 §4: the client has these, oldest first; nothing yet, when it says that it will acknowledge. */
  acknowledged(sent: readonly Unacknowledged[]): void
  /** Hands the session over to a connection of another node, by its number there. What was sent to this one has come when it resolves. */
  move(node: string, number: number): Promise<void>
}

/** One connected resource as its owner's home knows it. */
export class Session implements Origin {
  readonly jid: JID
  /**
   * XEP-0388 §2.3: names the installation of a client, the same one each time that it signs in: a UUID, of lower case. Undefined for a client
   * that has not said it. Nobody else must learn it.
   */
  readonly device: string | undefined
  #node: string
  #port: SessionPort
  /** The number of its connection at that node (core/link/ports.ts); 0: nobody but its home knows it. */
  number = 0
  /** The connection's end of it, where that is at its home. */
  handle: Handle | undefined
  /** Set once its home moves away: has a stanza go there, which is the connection's `number`th. Nothing new begins here. */
  left: ((stanza: Stanza, number: number) => Promise<void>) | undefined
  /** What it has sent to other homes and that does not hold up its lanes. */
  aside: Set<Promise<unknown>> | undefined
  /** It is about to be unbound, when what it has sent has settled. */
  ending = false
  /** Notes that it has changed in a way that its connection is to know; where the connection is at its home, nobody needs that. */
  changed: (() => void) | undefined
  /** The last presence it broadcast, while it is available (RFC 6121 §4.2). */
  presence: Stanza | undefined
  /** -128 to 127; only meaningful while available (RFC 6121 §4.7.2.3). */
  priority = 0
  /** Its connection is gone; it ends when what it sent has settled. Messages go where they would without it. */
  lost = false
  /** Its connection has gone with its node: nobody can say what its client has got of what it was sent. */
  unaccounted = false
  /** It is bound no more. */
  ended = false
  /** `Owner.messages` when it came to be one of those that get what is sent to the bare JID. */
  reachableSince = 0
  /** How often somebody is handing it, or going to hand it, older messages. */
  handovers = 0
  /** The archived messages (`Append.id`) that have reached it when it was handed older ones: those after the first up to the last. */
  handed: { readonly after: bigint; readonly upTo: bigint } | undefined
  /** The newest archived message (`Append.id`) that it had got when its home became this one; undefined where nobody knows. */
  before: bigint | undefined
  /** Orders what it sends up to the commit ... */
  readonly preparing = new Lane()
  /** ... and from there to delivery and acknowledgement, while the next stanzas are prepared. */
  readonly settling = new Lane()
  /** Orders the commits of what it sends to other homes; undefined as long as there were none. */
  committing: Lane | undefined
  /** The messages that it has sent. */
  carried: Carried
  /** Those that earlier sessions of the account had sent when it began; undefined when none of them will come again. */
  earlier: readonly Earlier[] | undefined
  /** Values of session flags, made when the first is set. */
  flags: Map<SessionFlag<unknown>, unknown> | undefined
  /** Values of flags that came from a former home and have not been asked for yet: JSON by name. */
  packedFlags: Record<string, unknown> | undefined

  /** `since`: when it begins, ms since 1970. */
  constructor(jid: JID, node: string, port: SessionPort, since = 0, device?: string) {
    this.jid = jid
    this.device = device
    this.#node = node
    this.#port = port
    this.carried = new Carried(since, inLanes(this.preparing, this.settling))
  }

  /** The node that holds the connection. */
  get node(): string {
    return this.#node
  }

  get port(): SessionPort {
    return this.#port
  }

  /** XEP-0198 §5: it goes on over another connection. */
  moveTo(node: string, port: SessionPort, number: number): void {
    this.#node = node
    this.#port = port
    this.number = number
  }

  /** It goes on elsewhere, or has ended: whoever does something for it bit by bit stops here. */
  get over(): boolean {
    return this.ended || this.left !== undefined
  }

  /** True between initial presence and unavailable presence: an "available resource" of RFC 6121. */
  get available(): boolean {
    return this.presence !== undefined
  }

  /** RFC 6121 §8.5.2.1.1: an available resource of non-negative priority gets what is sent to the bare JID. */
  get reachable(): boolean {
    return this.available && this.priority >= 0
  }

  /** Newer messages that are kept for its user reach it behind the older ones that it is being handed. */
  get catchingUp(): boolean {
    return this.handovers > 0
  }

  /** Settles when what it has sent before has: what is prepared now comes next. */
  settled(): Maybe<void> {
    return then(this.settling.idle(), () =>
      this.aside === undefined ? undefined : Promise.allSettled(this.aside).then(() => undefined),
    )
  }

  /** Its connection is gone, or its client has said goodbye: it receives nothing any more. */
  lose(): void {
    this.lost = true
  }

  send(stanza: Stanza, number?: number, archived?: bigint): void {
    this.#port.send(stanza, number, archived)
  }

  /** As `SessionPort` has it, over all connections of the session. */
  drained(): Maybe<number | undefined> {
    const port = this.#port
    // The connection that was asked may have been left for another one.
    return then(port.drained(), missing => (missing === 0 || port === this.#port ? missing : this.drained()))
  }
}

/** How the value of a flag is written for the next home of its session. */
export interface FlagForm<T> {
  /** As JSON. */
  pack(value: T): unknown
  unpack(packed: unknown): T
}

/** A declared piece of state on a session, instead of loose fields: `const carbons = new SessionFlag('carbons', false)`. */
export class SessionFlag<T> {
  /** No other flag has it. */
  readonly name: string
  readonly #initial: T
  readonly #form: FlagForm<T> | undefined

  /** Its values are JSON, or have a form. Where one is changed within, `set` says so. */
  constructor(name: string, initial: T, form?: FlagForm<T>) {
    this.name = name
    this.#initial = initial
    this.#form = form
  }

  get(session: Session): T {
    const { flags, packedFlags } = session
    if (flags?.has(this)) return flags.get(this) as T
    if (packedFlags === undefined || !(this.name in packedFlags)) return this.#initial
    const packed = packedFlags[this.name]
    delete packedFlags[this.name]
    const value = this.#form === undefined ? (packed as T) : this.#form.unpack(packed)
    session.flags ??= new Map()
    session.flags.set(this, value)
    return value
  }

  set(session: Session, value: T): void {
    session.flags ??= new Map()
    session.flags.set(this, value)
    if (session.packedFlags !== undefined) delete session.packedFlags[this.name]
    session.changed?.()
  }

  /** A value of it as JSON; undefined for what need not travel. */
  pack(value: unknown): unknown {
    if (value === this.#initial) return undefined
    return this.#form === undefined ? value : this.#form.pack(value as T)
  }
}

/** The values of all flags of a session, as JSON by name. */
export function packedFlags(session: Session): Record<string, unknown> {
  const packed: Record<string, unknown> = { ...session.packedFlags }
  for (const [flag, value] of session.flags ?? []) {
    const json = flag.pack(value)
    if (json !== undefined) packed[flag.name] = json
  }
  return packed
}
