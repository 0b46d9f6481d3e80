/** XEP-0198 §5: Resumption: what a server knows of sessions that may go on over another connection. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { HandedOver } from '../core/unacknowledged.ts'
import type { Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import type { StreamError } from '../xml/stream-error.ts'
import { Deadlines } from './deadlines.ts'
import type { HandledCounts } from './handled-counts.ts'
import type { Stream } from './stream.ts'

/** Rules of stream management. Infinity switches a limit off. */
export interface ManagementLimits {
  /** How long a session without a connection waits for its client, in seconds; 0: sessions end with their connections. */
  readonly resumeSeconds: number
  /** Where its client is to come, if that is not where it came before: a host, perhaps with a port (RFC 6120 §4.9.3.19). */
  readonly location?: string
  /** How long a client may take to acknowledge when it is asked, in seconds; then its connection is taken for dead. */
  readonly acknowledgeSeconds: number
  /** Stanzas that a client may leave unacknowledged before it is cut, and given up if it is cut already. */
  readonly unacknowledged: number
  /** Bytes that may wait for a client without a connection; then it is given up. */
  readonly keptBytes: number
}

/** What a client is told with `<resumed/>` in it, where that does not stand alone; `jid` is the full address of the session. */
export type Tell = (resumed: Element, jid: JID) => Element

/** A session, as far as it can be resumed. */
export interface Resumable {
  /** Whose it is. */
  readonly account: JID
  /**
   * Goes on over another connection. False when the session has ended meanwhile: then nothing was sent.
   * Rejects with the StreamError for a client that has acknowledged more than it was sent.
   */
  resume(stream: Stream, h: number, tell: Tell): Promise<boolean>
  /** Goes on over the connection `number` of another node. Undefined when it has ended meanwhile. */
  release(node: string, number: number): Promise<{ jid: JID; state: HandedOver } | undefined>
  /** Its time without a connection is up. */
  giveUp(): void
  /** Drops its connection: it was asked for an acknowledgement, and has not answered in time. */
  cut(): void
  close(error: StreamError): void
}

/** 128 bits: an SM-ID can't be guessed, though it is worth nothing without the account's password. */
const ID_BYTES = 16
const MS = 1_000

/** A new SM-ID for a session whose client wants to be able to resume it (`resume` of `<enable/>`), undefined for another one: XEP-0198 §3. */
export function newId(resume: string | undefined, { resumeSeconds }: ManagementLimits): string | undefined {
  // A boolean of XML Schema.
  const wanted = resume === 'true' || resume === '1'
  return wanted && resumeSeconds > 0 ? randomBytes(ID_BYTES).toString('base64url') : undefined
}

/** The sessions of a server that have enabled stream management. */
export class Resumption {
  /** Clients that were asked for an acknowledgement. */
  readonly asked: Deadlines<Resumable>
  readonly counts: HandledCounts
  #limits: ManagementLimits
  /** Sessions without a connection. */
  readonly #hibernating: Deadlines<Resumable>
  readonly #resumable = new Map<string, Resumable>()
  #awake: PromiseWithResolvers<void> | undefined

  constructor(limits: ManagementLimits, clock: Clock, counts: HandledCounts) {
    this.#limits = limits
    this.counts = counts
    this.asked = new Deadlines(clock, limits.acknowledgeSeconds * MS, one => one.cut())
    this.#hibernating = new Deadlines(clock, limits.resumeSeconds * MS, one => one.giveUp())
    counts.resumeMs = limits.resumeSeconds * MS
  }

  get limits(): ManagementLimits {
    return this.#limits
  }

  set limits(limits: ManagementLimits) {
    this.#limits = limits
    this.asked.ms = limits.acknowledgeSeconds * MS
    this.#hibernating.ms = limits.resumeSeconds * MS
    this.counts.resumeMs = limits.resumeSeconds * MS
  }

  /** A session can be resumed from now on. */
  add(id: string, session: Resumable): void {
    this.#resumable.set(id, session)
  }

  /** The session with this SM-ID, if it is this account's. */
  find(id: string, account: JID): Resumable | undefined {
    const session = this.#resumable.get(id)
    return session?.account.equals(account) ? session : undefined
  }

  /** The connection of a resumable session is gone. */
  hibernate(session: Resumable): void {
    this.#hibernating.add(session)
  }

  /** A session has a connection again. */
  wake(session: Resumable): void {
    this.#hibernating.delete(session)
    this.#tell()
  }

  /** A session has ended, or goes on at another node. */
  remove(id: string, session: Resumable): void {
    this.#hibernating.delete(session)
    this.#resumable.delete(id)
    this.#tell()
  }

  /** Sessions that wait for their clients. */
  get hibernating(): number {
    return this.#hibernating.size
  }

  /** Resolves when no session waits for its client. */
  async awake(): Promise<void> {
    if (this.#hibernating.size === 0) return
    this.#awake ??= Promise.withResolvers()
    await this.#awake.promise
  }

  #tell(): void {
    if (this.#hibernating.size > 0) return
    this.#awake?.resolve()
    this.#awake = undefined
  }

  /** Ends all sessions that can be resumed. */
  close(error: StreamError): void {
    for (const session of this.#resumable.values()) session.close(error)
  }
}
