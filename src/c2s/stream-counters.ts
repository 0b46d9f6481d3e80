/** XEP-0198: Stream Management, what both ends of a stream count. Knows no connection. */
import type { Maybe } from '../core/maybe.ts'
import type { HandedOver, Unacknowledged } from '../core/unacknowledged.ts'
import { type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
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
  readonly sent: number
  readonly resolve: (taken: boolean) => void
}

/** The counters of one session, from `<enable/>` on, over all streams that resume it. */
export class StreamCounters {
  /** How many of the client's stanzas have been handled, in its order. */
  #handled: number
  /** How many were sent to it, and how many of these it has acknowledged. */
  #sent: number
  #acknowledged: number
  readonly #unacknowledged: Unacknowledged[]
  /** Messages among those. */
  #messages: number
  #asked = false
  readonly #turns: Turn[] = []
  #waiting: Waiting[] = []
  #idle: (() => void)[] = []

  /** The counters begin at zero, or where they were at another node. */
  constructor(state: HandedOver = { handled: 0, sent: 0, unacknowledged: [] }) {
    const { handled, sent, unacknowledged } = state
    this.#handled = handled
    this.#sent = sent
    this.#acknowledged = sent - unacknowledged.length
    this.#unacknowledged = [...unacknowledged]
    this.#messages = unacknowledged.filter(({ stanza }) => stanza.kind === 'message').length
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

  /** A stanza is sent to the client, or would be if it were connected. True: ask for an acknowledgement now. */
  add(sent: Unacknowledged): boolean {
    this.#sent++
    this.#unacknowledged.push(sent)
    if (sent.stanza.kind === 'message') this.#messages++
    return this.#needsAsking()
  }

  /** The client is asked, or was asked again over a new connection. */
  asked(): void {
    this.#asked = true
  }

  /** The connection is gone: nobody will answer. */
  unasked(): void {
    this.#asked = false
  }

  /** The client has stanzas up to this count. True: ask for the rest. Throws the StreamError of XEP-0198 §6 when it can't have so many. */
  acknowledge(h: number): boolean {
    const count = this.#newlyAcknowledged(h)
    this.#asked = false
    this.#acknowledged += count
    for (const { stanza } of this.#unacknowledged.splice(0, count))
      if (stanza.kind === 'message') this.#messages--
    this.#waiting = this.#waiting.filter(({ sent, resolve }) => {
      if (sent > this.#acknowledged) return true
      resolve(true)
      return false
    })
    return this.#needsAsking()
  }

  /** Throws the StreamError of `acknowledge()`, and changes nothing. */
  check(h: number): void {
    this.#newlyAcknowledged(h)
  }

  /** True when the client has acknowledged all that was sent before the call, false when the session has ended. */
  taken(): Maybe<boolean> {
    if (this.#unacknowledged.length === 0) return true
    return new Promise(resolve => this.#waiting.push({ sent: this.#sent, resolve }))
  }

  /** The session has ended: nobody waits any more. Returns what the client has not acknowledged. */
  end(): readonly Unacknowledged[] {
    for (const { resolve } of this.#waiting.splice(0)) resolve(false)
    this.#messages = 0
    return this.#unacknowledged.splice(0)
  }

  #newlyAcknowledged(h: number): number {
    const count = (h - (this.#acknowledged % WRAP) + WRAP) % WRAP
    if (count <= this.#unacknowledged.length) return count
    const sent = this.#sent % WRAP
    const text = `${h} stanzas acknowledged, ${sent} sent`
    throw new StreamError('undefined-condition', text, undefined, tooHigh(h, sent))
  }

  #needsAsking(): boolean {
    return !this.#asked && (this.#messages > 0 || this.#unacknowledged.length >= LAZY)
  }
}

/** XEP-0198 §6 */
function tooHigh(h: number, sent: number): Element {
  return xml('handled-count-too-high', {
    xmlns: NS.streamManagement,
    h: String(h),
    'send-count': String(sent),
  })
}
