/** XEP-0198: Stream Management of one session. */
import type { Clock } from '../core/clock.ts'
import type { Maybe } from '../core/maybe.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import type { TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import { acknowledgement, countOf, failed, isManagement, REQUEST, resumed } from './management-elements.ts'
import type { Resumable, Resumption } from './resumption.ts'
import { StreamCounters, type Turn } from './stream-counters.ts'

/** The session that is managed. */
export interface Managed extends Resumable {
  /** It has no connection, and waits to be resumed. */
  readonly away: boolean
  /** Sends an element that is no stanza. */
  text(element: string): void
  /** Drops its connection. */
  cut(): void
}

/** Counts for a session from `<enable/>` on, asks its client for acknowledgements and answers the client's questions. */
export class Management {
  /** The SM-ID, if the session can be resumed. */
  readonly id: string | undefined
  readonly #counters: StreamCounters
  readonly #session: Managed
  readonly #resumption: Resumption
  readonly #clock: Clock

  /** `resumed` for a session that comes from another node. */
  constructor(
    session: Managed,
    resumption: Resumption,
    clock: Clock,
    id: string | undefined,
    resumed?: HandedOver,
  ) {
    this.#session = session
    this.#resumption = resumption
    this.#clock = clock
    this.id = id
    this.#counters = new StreamCounters(resumed)
    if (id !== undefined) resumption.add(id, session)
  }

  /** How many of the client's stanzas have been handled. */
  get h(): number {
    return this.#counters.h
  }

  /** Takes an element of stream management. Throws the StreamError to close the stream with. */
  take(top: TopElement): void {
    switch (top.name) {
      // XEP-0198 §4. What is acknowledged counts at once, what is asked in its turn.
      case 'a':
        this.acknowledge(countOf(top))
        break
      case 'r':
        this.finish(this.#counters.begin('request'))
        break
      default:
        // XEP-0198 §3, §6: a second <enable/>, or a <resume/> where nothing is to be resumed.
        if (!isManagement(top)) throw new StreamError('unsupported-stanza-type')
        this.#session.text(failed('unexpected-request').toString())
    }
  }

  /** The client has sent a stanza. */
  begin(): Turn {
    return this.#counters.begin('stanza')
  }

  /** The turn of what the client has sent is over. */
  finish(turn: Turn): void {
    this.#counters.finish(turn, () => this.#session.text(acknowledgement(this.h)))
  }

  /** A stanza was sent to the client, or would have been if it were connected. */
  sent(stanza: Stanza, number: number): void {
    if (this.#counters.add({ stanza, at: this.#clock.now(), number })) this.#ask()
    if (this.#counters.pending.length <= this.#resumption.limits.unacknowledged) return
    // ARCHITECTURE §7: a client that acknowledges nothing is not there; and nobody can wait for it for ever.
    if (this.#session.away) this.#session.giveUp()
    else this.#session.cut()
  }

  /** True when the client has acknowledged all that was sent so far, false when the session has ended. */
  taken(): Maybe<boolean> {
    if (this.#counters.pending.length > 0) this.#ask()
    return this.#counters.taken()
  }

  /** The connection is gone. */
  leave(): void {
    this.#counters.unasked()
    this.#resumption.asked.delete(this.#session)
    this.#resumption.hibernate(this.#session)
  }

  /** Throws a StreamError if the client can't have handled `h` stanzas. */
  check(h: number): void {
    this.#counters.check(h)
  }

  /** Resolves when all that the client has sent has been handled. */
  idle(): Maybe<void> {
    return this.#counters.idle()
  }

  /** There is a connection again: tells the client how far we are, and sends by `send` what it lacks. XEP-0198 §5 */
  wake(h: number, send: (stanza: Stanza) => void): void {
    this.#resumption.wake(this.#session)
    const ask = this.#counters.acknowledge(h)
    this.#session.text(resumed(this.id!, this.h).toString())
    for (const { stanza } of this.#counters.pending) send(stanza)
    if (ask) this.#ask()
  }

  /** The session goes on at another node: returns how far it has come. */
  release(): HandedOver {
    this.#resumption.remove(this.id!, this.#session)
    return this.#counters.state
  }

  /** The client has handled `h` stanzas. Throws a StreamError if that can't be. */
  acknowledge(h: number): void {
    this.#resumption.asked.delete(this.#session)
    if (this.#counters.acknowledge(h)) this.#ask()
  }

  /** The session ends: it can't be resumed any more. Returns what takes from here what the client has not acknowledged, once. */
  end(): () => readonly Unacknowledged[] {
    if (this.id !== undefined) this.#resumption.remove(this.id, this.#session)
    this.#resumption.asked.delete(this.#session)
    return () => this.#counters.end()
  }

  #ask(): void {
    if (this.#session.away) return
    this.#counters.asked()
    this.#resumption.asked.add(this.#session)
    this.#session.text(REQUEST)
  }
}
