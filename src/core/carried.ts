/** Which messages a stream has carried: what tells a message that is sent again from a new one (ARCHITECTURE §7). */
import { crc32 } from 'node:zlib'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Lane } from './lane.ts'
import { isPromise, type Maybe, then } from './maybe.ts'

/** So many of a stream are remembered, the last ones. A client that leaves more than this unacknowledged sends some of them twice. */
const MOST = 500

/** How the stream of a session is: in use, gone without a word, or closed by its client. */
export type StreamState = 'open' | 'broken' | 'closed'

/** What a stream has brought and what is not handled yet. */
export interface UnderWay {
  /** So much at most. */
  readonly waiting: number
  /** Settles when none of that is left. */
  idle(): Maybe<void>
}

/** The same for the next home of its session, as JSON. */
export interface PackedCarried {
  readonly since: number
  readonly state: StreamState
  /** In so many ms it is over; undefined: not by the time. */
  readonly left?: number
  /** Null for what has been sent again. */
  readonly prints: readonly (number | null)[]
  readonly forgotten: number
  readonly again?: readonly number[]
}

/** The messages that a stream has carried and that were handled, as far as its client may not know. */
export class Carried {
  /** When the session began, ms since 1970. */
  readonly since: number
  state: StreamState = 'open'
  /** On the monotonic clock, ms: nobody sends again what it has carried. */
  until = Number.POSITIVE_INFINITY
  /** Prints (`printOf`) in the order of the messages; NaN for what has been sent again. */
  #prints: number[] = []
  /** How many are not remembered any more, and how many of the others have not been sent again. */
  #forgotten = 0
  #left = 0
  /** Prints that an earlier stream had carried, too. */
  #again: number[] | undefined
  readonly #underWay: UnderWay

  constructor(since: number, underWay: UnderWay) {
    this.since = since
    this.#underWay = underWay
  }

  /** Whether nothing of it comes again, now or later; `now` as `until`. */
  isOver(now: number): boolean {
    if (this.state === 'closed' || this.until <= now) return true
    return this.state === 'broken' && this.#left === 0 && !isPromise(this.complete())
  }

  /** How many it has carried. */
  get count(): number {
    return this.#forgotten + this.#prints.length
  }

  /** How many it has carried when all has been handled that it has brought so far; perhaps fewer. */
  get expected(): number {
    return this.count + this.#underWay.waiting
  }

  /** What it has carried that an earlier stream had carried as well. */
  get again(): readonly number[] {
    return this.#again ?? []
  }

  /** Settles when all that the stream has brought so far is in here. */
  complete(): Maybe<void> {
    return this.#underWay.idle()
  }

  /** A message has been handled; `again`: it had been before. */
  add(print: number, again = false): void {
    this.#prints.push(print)
    this.#left++
    if (again) {
      this.#again ??= []
      this.#again.push(print)
    }
    if (this.#prints.length <= 2 * MOST) return
    for (const old of this.#prints.splice(0, MOST)) if (!Number.isNaN(old)) this.#left--
    this.#forgotten += MOST
  }

  /** Takes out one of the first `count` messages with this print; whether there is one. */
  take(print: number, count: number): boolean {
    const place = this.#prints.indexOf(print)
    if (place < 0 || this.#forgotten + place >= count) return false
    this.#prints[place] = Number.NaN
    this.#left--
    return true
  }

  /** For the next home of its session; `now` as `until`. */
  pack(now: number): PackedCarried {
    return {
      since: this.since,
      state: this.state,
      ...(this.until < Number.POSITIVE_INFINITY && { left: this.until - now }),
      prints: this.#prints.map(print => (Number.isNaN(print) ? null : print)),
      forgotten: this.#forgotten,
      ...(this.#again && { again: this.#again }),
    }
  }

  /** What another home has packed. */
  static unpack(packed: PackedCarried, underWay: UnderWay, now: number): Carried {
    const carried = new Carried(packed.since, underWay)
    carried.state = packed.state
    if (packed.left !== undefined) carried.until = now + packed.left
    carried.#prints = packed.prints.map(print => print ?? Number.NaN)
    carried.#left = packed.prints.filter(print => print !== null).length
    carried.#forgotten = packed.forgotten
    carried.#again = packed.again && [...packed.again]
    return carried
  }

  /** Its client knows what has arrived. */
  clear(): void {
    this.#forgotten += this.#prints.length
    this.#prints = []
    this.#left = 0
  }
}

/** Of a stream that is over. */
export const NOTHING_UNDER_WAY: UnderWay = { waiting: 0, idle: () => undefined }

/** What is in two lanes, one after the other. (It holds on to them, not to their session.) */
export function inLanes(first: Lane, second: Lane): UnderWay {
  return {
    get waiting() {
      return first.waiting + second.waiting
    },
    idle: () => then(first.idle(), () => second.idle()),
  }
}

/**
 * A number that says which message this is: its id, type, recipient and content. Two messages of one user that have the same are the same.
 * Undefined for messages that are known otherwise (by an `origin-id`) or not at all (without an id), for errors, which nobody sends again, and
 * for those to a room, where whoever wrote them waits to see them.
 */
export function printOf(message: Stanza): number | undefined {
  const { id, type, to, kind } = message
  if (kind !== 'message' || !id || type === 'error' || type === 'groupchat') return undefined
  if (message.has('origin-id', NS.stanzaIds)) return undefined
  // XEP-0198 §4: Clients SHOULD also add a delay element with the original (failed) send timestamp.
  const content = message.has('delay', NS.delay) ? message.without(isDelay) : message
  const head = `${id}\n${type ?? ''}\n${to ?? ''}`
  // 53 bits: a number. All of them tell two messages of the same words apart; a loss would be the price of a mistake.
  return crc32(content.bytesOfContent, crc32(head)) * 2 ** 21 + (mixed(head) >>> 11)
}

function isDelay(name: string, ns: string): boolean {
  return name === 'delay' && ns === NS.delay
}

/** 32 bits of a text: FNV-1a over its units, and the last steps of MurmurHash3, without which the upper bits know little of the last units. */
function mixed(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
