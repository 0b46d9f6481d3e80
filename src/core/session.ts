import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { StreamError } from '../xml/stream-error.ts'
import { Carried, inLanes, type StreamState } from './carried.ts'
import { Lane } from './lane.ts'
import { type Maybe, then } from './maybe.ts'
import type { Earlier } from './resends.ts'
import type { Unacknowledged } from './unacknowledged.ts'

/** Whoever can be answered: a session, a room, the way back to a remote server. */
export interface Origin {
  send(stanza: Stanza): void
}

/** The connection's end of a session: what its home needs of the transport. */
export interface SessionPort extends Origin {
  /** Sends a stanza; `number` of a message delivered to the account: `Owner.messages` then; or KEPT. */
  send(stanza: Stanza, number?: number): void
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
  /** The last presence it broadcast, while it is available (RFC 6121 §4.2). */
  presence: Stanza | undefined
  /** -128 to 127; only meaningful while available (RFC 6121 §4.7.2.3). */
  priority = 0
  /** Its connection is gone; it ends when what it sent has settled. Messages go where they would without it. */
  lost = false
  /** It is bound no more. */
  ended = false
  /** `Owner.messages` when it came to be one of those that get what is sent to the bare JID. */
  reachableSince = 0
  /** How often somebody is handing it, or going to hand it, older messages. */
  handovers = 0
  /** The archived messages (`Append.id`) that have reached it when it was handed older ones: those after the first up to the last. */
  handed: { readonly after: bigint; readonly upTo: bigint } | undefined
  /** Orders what it sends up to the commit ... */
  readonly preparing = new Lane()
  /** ... and from there to delivery and acknowledgement, while the next stanzas are prepared. */
  readonly settling = new Lane()
  /** The messages that it has sent. */
  readonly carried: Carried
  /** Those that earlier sessions of the account had sent when it began; undefined when none of them will come again. */
  earlier: readonly Earlier[] | undefined
  /** Values of session flags, made when the first is set. */
  flags: Map<object, unknown> | undefined

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
  moveTo(node: string, port: SessionPort): void {
    this.#node = node
    this.#port = port
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

  /** Its connection is gone, or its client has said goodbye: it receives nothing any more. */
  lose(): void {
    this.lost = true
  }

  send(stanza: Stanza, number?: number): void {
    this.#port.send(stanza, number)
  }

  /** As `SessionPort` has it, over all connections of the session. */
  drained(): Maybe<number | undefined> {
    const port = this.#port
    // The connection that was asked may have been left for another one.
    return then(port.drained(), missing => (missing === 0 || port === this.#port ? missing : this.drained()))
  }
}

/** A declared piece of state on a session, instead of loose fields: `const carbons = new SessionFlag(false)`. */
export class SessionFlag<T> {
  readonly #initial: T

  constructor(initial: T) {
    this.#initial = initial
  }

  get(session: Session): T {
    const flags = session.flags
    return flags?.has(this) ? (flags.get(this) as T) : this.#initial
  }

  set(session: Session, value: T): void {
    session.flags ??= new Map()
    session.flags.set(this, value)
  }
}
