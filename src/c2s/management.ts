/** XEP-0198: Stream Management of one session. */
import type { Clock } from '../core/clock.ts'
import type { Maybe } from '../core/maybe.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import type { Element } from '../xml/element.ts'
import type { JID } from '../xml/jid.ts'
import type { TopElement } from '../xml/reader.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { Counted } from './handled-counts.ts'
import { acknowledgement, countOf, failed, isManagement, REQUEST, resumed } from './management-elements.ts'
import type { Resumable, Resumption } from './resumption.ts'
import { StreamCounters, type Turn } from './stream-counters.ts'

/** The session that is managed. */
export interface Managed extends Resumable {
  /** It has no connection, and waits to be resumed. */
  readonly away: boolean
  /** Sends an element that is no stanza. */
  text(element: string): void
  /** Puts a stanza on the wire. */
  transmit(stanza: Stanza): void
  /** True when its connection has taken what was put on the wire, false when that has ended. */
  flushed(): Maybe<boolean>
  /** Drops its connection. */
  cut(): void
  /** Its client has these. */
  acknowledged(sent: readonly Unacknowledged[]): void
}

/** Bytes of stanzas that are repeated before it is asked whether the client keeps up. */
const PIECE = 64 * 1024

/** Counts for a session from `<enable/>` on, asks its client for acknowledgements and answers the client's questions. */
export class Management implements Counted {
  /** The SM-ID, if the session can be resumed. */
  readonly id: string | undefined
  readonly #counters: StreamCounters
  readonly #session: Managed
  readonly #resumption: Resumption
  readonly #clock: Clock
  /** What the client lacks is being sent over this connection; what comes meanwhile follows it. */
  #repeating: object | undefined
  #ended = false

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

  get account(): JID {
    return this.#session.account
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
        this.acknowledge(countOf(top.name, top.attribute('h')))
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
    if (!this.#ended) this.#resumption.counts.grown(this)
  }

  /** Sends a stanza to the client, or keeps it until there is a connection. `number` as in `SessionPort`. */
  send(stanza: Stanza, number: number): void {
    const { away } = this.#session
    if (away || this.#repeating !== undefined)
      // What is kept is kept for long.
      this.#counters.keep({ stanza: stanza.compact(), at: this.#clock.now(), number })
    else {
      this.#session.transmit(stanza)
      if (this.#counters.add({ stanza, at: this.#clock.now(), number })) this.#ask()
    }
    const { unacknowledged, keptBytes } = this.#resumption.limits
    // ARCHITECTURE §7: a client that acknowledges nothing is not there; and nobody can wait for it for ever.
    if (this.#counters.pending.length > unacknowledged) away ? this.#session.giveUp() : this.#session.cut()
    else if (away && this.#counters.bytes > keptBytes) this.#session.giveUp()
  }

  /** Has the client acknowledge what was sent so far, and waits for that: see `StreamCounters.missing()`. */
  taken(): Maybe<number> {
    if (!this.#counters.asking) this.#ask()
    return this.#counters.missing()
  }

  /** The connection is gone. */
  leave(): void {
    this.#repeating = undefined
    this.#counters.leave()
    this.#resumption.asked.delete(this.#session)
    this.#resumption.hibernate(this.#session)
    this.#resumption.counts.left(this)
  }

  /** Throws a StreamError if the client can't have handled `h` stanzas. */
  check(h: number): void {
    this.#counters.check(h)
  }

  /** Resolves when all that the client has sent has been handled. */
  idle(): Maybe<void> {
    return this.#counters.idle()
  }

  /** There is a connection again: tells the client how far we are (`tell`), and sends what it lacks, at its pace. XEP-0198 §5 */
  wake(h: number, tell: (resumed: Element) => Element): void {
    this.#resumption.wake(this.#session)
    this.#counters.acknowledge(h, this.#acknowledged)
    this.#session.text(tell(resumed(this.id!, this.h)).toString())
    const turn = {}
    this.#repeating = turn
    void this.#repeat(turn)
  }

  /** Sends what the client lacks. Never rejects. */
  async #repeat(turn: object): Promise<void> {
    let bytes = 0
    for (let next = this.#counters.next(); next !== undefined; next = this.#counters.next()) {
      this.#session.transmit(next)
      bytes += next.size
      if (bytes < PIECE) continue
      bytes = 0
      await this.#session.flushed()
      // The connection has gone meanwhile; perhaps there is another one.
      if (this.#repeating !== turn) return
    }
    this.#repeating = undefined
    if (this.#counters.due) this.#ask()
  }

  /** The session goes on at another node, which knows: returns how far it has come. */
  release(): HandedOver {
    this.#resumption.remove(this.id!, this.#session)
    this.#ended = true
    this.#resumption.counts.forget(this)
    this.#counters.release()
    return this.#counters.state
  }

  /** The client has handled `h` stanzas. Throws a StreamError if that can't be. */
  acknowledge(h: number): void {
    this.#resumption.asked.delete(this.#session)
    if (this.#counters.acknowledge(h, this.#acknowledged)) this.#ask()
  }

  /**
   * The session ends: it can't be resumed any more. Returns what takes from here what the client has not acknowledged, once.
   * `closed`: its client has closed its stream in order.
   */
  end(closed: boolean): () => readonly Unacknowledged[] {
    if (this.id !== undefined) this.#resumption.remove(this.id, this.#session)
    this.#resumption.asked.delete(this.#session)
    this.#ended = true
    this.#resumption.counts.forget(this)
    this.#counters.release()
    return () => this.#counters.take(closed)
  }

  /** It has ended, and all that the client has sent has been handled: that may come to resume it (XEP-0198 §5). */
  remember(): Maybe<void> {
    if (this.id !== undefined) return this.#resumption.counts.ended(this)
  }

  readonly #acknowledged = (sent: readonly Unacknowledged[]): void => this.#session.acknowledged(sent)

  #ask(): void {
    if (this.#session.away || this.#ended) return
    this.#counters.asked()
    this.#resumption.asked.add(this.#session)
    this.#session.text(REQUEST)
  }
}
