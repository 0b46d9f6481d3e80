/** XEP-0198: Stream Management, what both ends of a stream count. Knows no connection. */
import type { Maybe } from '../core/maybe.ts'
import { isNotification } from '../core/presence.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import { type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'

/** XEP-0198 §4: after 2^32 - 1, `h` goes on at zero. */
const WRAP = 2 ** 32
/** Presence and IQ may wait for their acknowledgement until there are so many; a message does not. */
const LAZY = 16

/** Something that the client has sent and that has its turn: a stanza to be handled, or a request for an acknowledgement. */
export interface Turn {
  readonly kind: 'stanza' | 'request'
  done: boolean
}

/** Somebody waits until the client has what was sent so far. */
interface Waiting {
  sent: number
  readonly resolve: (missing: number) => void
}

/** The counters of one session, from `<enable/>` on, over all streams that resume it. */
export class StreamCounters {
  /** How many of the client's stanzas have been handled, in its order. */
  #handled: number
  /** How many were sent to it, and how many of these it has acknowledged. */
  #sent: number
  #acknowledged: number
  #unacknowledged: Unacknowledged[]
  /** So many of these, the first, have been on the wire; and on that of this connection. */
  #transmitted: number
  #repeated: number
  /** The latest presence of each sender among those that have not. */
  readonly #presence = new Map<string, Unacknowledged>()
  /** Messages among what is unacknowledged, and bytes of it. */
  #messages: number
  #bytes: number
  /** How many had been sent when the client was asked; undefined: it owes no answer. */
  #askedAt: number | undefined
  /** How many had been sent when an answer fell short last; and when two did, one after the other. */
  #shortAt: number | undefined
  #heard = 0
  readonly #turns: Turn[] = []
  #waiting: Waiting[] = []
  /** The session has ended, or has gone to another node: no more is acknowledged. */
  #over = false
  #idle: (() => void)[] = []

  /** The counters begin at zero, or where they were at another node. */
  constructor(state: HandedOver = { handled: 0, sent: 0, unacknowledged: [] }) {
    const { handled, sent, unacknowledged } = state
    this.#handled = handled
    this.#sent = sent
    this.#acknowledged = sent - unacknowledged.length
    this.#unacknowledged = [...unacknowledged]
    this.#transmitted = unacknowledged.length
    this.#repeated = unacknowledged.length
    this.#messages = unacknowledged.filter(({ stanza }) => stanza.kind === 'message').length
    this.#bytes = unacknowledged.reduce((sum, { stanza }) => sum + stanza.size, 0)
  }

  /** To go on counting at another node. */
  get state(): HandedOver {
    return { handled: this.#handled, sent: this.#sent, unacknowledged: this.#unacknowledged }
  }

  /** XEP-0198 §4: the value for `<a h=''/>`: the client's stanzas that have been handled (ARCHITECTURE §1), modulo 2^32. */
  get h(): number {
    return this.#handled % WRAP
  }

  /** What the client has not acknowledged, oldest first. */
  get pending(): readonly Unacknowledged[] {
    return this.#unacknowledged
  }

  /** Bytes of the content of those. */
  get bytes(): number {
    return this.#bytes
  }

  /** The client has sent something that is counted (a stanza) or that waits for what came before it (`<r/>`). */
  begin(kind: Turn['kind']): Turn {
    const turn = { kind, done: false }
    this.#turns.push(turn)
    return turn
  }

  /** This has been handled. Calls `answer` for each request whose turn has come: all that came before it has been handled. */
  finish(turn: Turn, answer: () => void): void {
    turn.done = true
    for (let first = this.#turns[0]; first?.done; first = this.#turns[0]) {
      this.#turns.shift()
      if (first.kind === 'stanza') this.#handled++
      else answer()
    }
    if (this.#turns.length > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Resolves when all that the client has sent has been handled. */
  idle(): Maybe<void> {
    if (this.#turns.length > 0) return new Promise(resolve => this.#idle.push(resolve))
  }

  /** A stanza is sent to the client. True: ask for an acknowledgement now. */
  add(sent: Unacknowledged): boolean {
    this.#push(sent)
    this.#repeated = this.#transmitted = this.#unacknowledged.length
    return this.due
  }

  /** A stanza would be sent to the client if that were connected, or had been sent what came before: `next` gives it. */
  keep(sent: Unacknowledged): void {
    const { stanza } = sent
    if (isNotification(stanza)) {
      const before = this.#presence.get(senderOf(stanza))
      if (before !== undefined) this.#drop(before)
      this.#presence.set(senderOf(stanza), sent)
    }
    this.#push(sent)
  }

  /** What is to be sent next over a new connection: it counts as sent. Undefined when nothing is left. */
  next(): Stanza | undefined {
    const sent = this.#unacknowledged[this.#repeated]
    if (sent === undefined) return undefined
    if (++this.#repeated > this.#transmitted) {
      this.#transmitted = this.#repeated
      // It can't be taken back any more.
      if (isNotification(sent.stanza)) this.#presence.delete(senderOf(sent.stanza))
    }
    return sent.stanza
  }

  /** The client is asked, or was asked again over a new connection. */
  asked(): void {
    this.#askedAt = this.#acknowledged + this.#transmitted
  }

  /** The connection is gone: nobody will answer, and what is not acknowledged is to be sent again. What is kept now may be kept long. */
  leave(): void {
    this.#askedAt = undefined
    this.#repeated = 0
    this.#unacknowledged = this.#unacknowledged.map(compact)
    this.#presence.clear()
    for (const sent of this.#unacknowledged.slice(this.#transmitted))
      if (isNotification(sent.stanza)) this.#presence.set(senderOf(sent.stanza), sent)
  }

  /**
   * The client has stanzas up to this count; `taken` is told which these are, if there are any new ones. True: ask for the rest. Throws
   * the StreamError of XEP-0198 §6 when it can't have so many.
   */
  acknowledge(h: number, taken?: (sent: readonly Unacknowledged[]) => void): boolean {
    const count = this.#newlyAcknowledged(h)
    const askedAt = this.#askedAt
    this.#askedAt = undefined
    this.#acknowledged += count
    this.#transmitted -= count
    this.#repeated = Math.max(this.#repeated - count, 0)
    const gone = this.#unacknowledged.splice(0, count)
    for (const { stanza } of gone) this.#forget(stanza)
    if (count > 0) taken?.(gone)
    const again = askedAt !== undefined && this.#fellShort(askedAt)
    this.#waiting = this.#waiting.filter(({ sent, resolve }) => {
      if (sent > this.#received) return true
      resolve(0)
      return false
    })
    // A client that has not come any further is asked again once: it would answer at once, and so on.
    return (again || count > 0) && this.due
  }

  /** Throws the StreamError of `acknowledge()`, and changes nothing. */
  check(h: number): void {
    this.#newlyAcknowledged(h)
  }

  /** Waits until the client has all that was sent before the call: 0; or until its session is over: how many of the last ones it has not. */
  missing(): Maybe<number> {
    const sent = this.#sent
    if (this.#over || sent <= this.#received) return Math.max(sent - this.#received, 0)
    return new Promise(resolve => this.#waiting.push({ sent, resolve }))
  }

  /** The session ends, or goes on at another node: nobody waits any more. */
  release(): void {
    this.#over = true
    for (const { sent, resolve } of this.#waiting.splice(0)) resolve(sent - this.#received)
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** What the client of a session that has ended has not acknowledged; once. `closed`: it has closed its stream in order. */
  take(closed: boolean): readonly Unacknowledged[] {
    this.#messages = 0
    const left = this.#unacknowledged.splice(0)
    return closed ? left.slice(this.#received - this.#acknowledged) : left
  }

  /** Whether nothing is left to ask the client for, or it owes an answer to a request that came behind all of that. */
  get asking(): boolean {
    return this.#sent <= Math.max(this.#received, this.#askedAt ?? 0)
  }

  /** Whether it is time to ask the client. */
  get due(): boolean {
    return this.#askedAt === undefined && (this.#messages > 0 || this.#unacknowledged.length >= LAZY)
  }

  /**
   * The client was asked when so many had been sent, and an answer has come. True if it falls short for the first time.
   *
   * COMPAT xmpp.js 0.14: it does not count what comes in one packet with <enabled/>, so its count is too low for ever. A client that has
   * answered twice, without anything new in between, has had what was sent before it was asked, whatever it says.
   */
  #fellShort(askedAt: number): boolean {
    if (this.#acknowledged >= askedAt) return false
    const first = this.#shortAt !== askedAt
    if (!first) this.#heard = askedAt
    this.#shortAt = askedAt
    return first
  }

  /** So many of what was sent the client has, as far as that is known. */
  get #received(): number {
    return Math.max(this.#acknowledged, this.#heard)
  }

  #push(sent: Unacknowledged): void {
    this.#sent++
    this.#unacknowledged.push(sent)
    this.#bytes += sent.stanza.size
    if (sent.stanza.kind === 'message') this.#messages++
  }

  /** Takes back a stanza that has not been on the wire, so that the client has not counted it. */
  #drop(sent: Unacknowledged): void {
    const place = this.#unacknowledged.indexOf(sent, this.#transmitted)
    this.#unacknowledged.splice(place, 1)
    this.#forget(sent.stanza)
    this.#sent--
    for (const waiting of this.#waiting) if (waiting.sent > this.#acknowledged + place) waiting.sent--
  }

  #forget({ kind, size }: Stanza): void {
    this.#bytes -= size
    if (kind === 'message') this.#messages--
  }

  #newlyAcknowledged(h: number): number {
    const count = (h - (this.#acknowledged % WRAP) + WRAP) % WRAP
    if (count <= this.#transmitted) return count
    const sent = (this.#acknowledged + this.#transmitted) % WRAP
    const text = `${h} stanzas acknowledged, ${sent} sent`
    throw new StreamError('undefined-condition', text, undefined, tooHigh(h, sent))
  }
}

/** Who is meant; and for whom, since presence may be directed. */
function senderOf({ from, to }: Stanza): string {
  return `${from} ${to}`
}

function compact(sent: Unacknowledged): Unacknowledged {
  return { ...sent, stanza: sent.stanza.compact() }
}

/** XEP-0198 §6 */
function tooHigh(h: number, sent: number): Element {
  return xml('handled-count-too-high', {
    xmlns: NS.streamManagement,
    h: String(h),
    'send-count': String(sent),
  })
}
