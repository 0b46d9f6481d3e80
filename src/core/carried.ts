/** Which messages a stream has carried: what tells a message that is sent again from a new one (ARCHITECTURE §7). */
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Lane } from './lane.ts'
import { type Maybe, then } from './maybe.ts'

/** So many of a stream are remembered, the last ones. A client that leaves more than this unacknowledged sends some of them twice. */
const MOST = 500

/** How the stream of a session is: in use, gone without a word, or closed by its client. */
export type StreamState = 'open' | 'broken' | 'closed'

/** The messages that a stream has carried and that were handled, as far as its client may not know. */
export class Carried {
  /** When the session began, ms since 1970. */
  readonly since: number
  state: StreamState = 'open'
  /** On the monotonic clock, ms: nobody sends again what it has carried. */
  until = Number.POSITIVE_INFINITY
  /** Prints (`printOf`) in the order of the messages; NaN for what has been sent again. */
  #prints: number[] = []
  /** How many are not remembered any more. */
  #forgotten = 0
  /** Prints that an earlier stream had carried, too. */
  #again: number[] | undefined
  readonly #complete: () => Maybe<void>

  /** `complete` settles when all that the stream has brought so far is in here. */
  constructor(since: number, complete: () => Maybe<void>) {
    this.since = since
    this.#complete = complete
  }

  /** How many it has carried. */
  get count(): number {
    return this.#forgotten + this.#prints.length
  }

  /** What it has carried that an earlier stream had carried as well. */
  get again(): readonly number[] {
    return this.#again ?? []
  }

  complete(): Maybe<void> {
    return this.#complete()
  }

  /** A message has been handled; `again`: it had been before. */
  add(print: number, again = false): void {
    this.#prints.push(print)
    if (again) {
      this.#again ??= []
      this.#again.push(print)
    }
    if (this.#prints.length <= 2 * MOST) return
    this.#prints.splice(0, MOST)
    this.#forgotten += MOST
  }

  /** Takes out one of the first `count` messages with this print; whether there is one. */
  take(print: number, count: number): boolean {
    const place = this.#prints.indexOf(print)
    if (place < 0 || this.#forgotten + place >= count) return false
    this.#prints[place] = Number.NaN
    return true
  }

  /** Its client knows what has arrived. */
  clear(): void {
    this.#forgotten += this.#prints.length
    this.#prints = []
  }
}

/** Settles when two lanes have come to rest, one after the other. (It holds on to them, not to their session.) */
export function atRest(first: Lane, second: Lane): () => Maybe<void> {
  return () => then(first.idle(), () => second.idle())
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
  const print = new Print()
  print.addText(id)
  print.addText(type ?? '')
  print.addText(to?.toString() ?? '')
  print.addBytes(content.bytesOfContent)
  return print.value
}

function isDelay(name: string, ns: string): boolean {
  return name === 'delay' && ns === NS.delay
}

/** 53 bits of two FNV-1a over units of 16 and 32 bits. Whoever makes two messages of one print deceives nobody but himself. */
class Print {
  #one = 0x811c9dc5
  #two = 0x1000193

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i))
    this.#add(-1)
  }

  addBytes(bytes: Buffer): void {
    const words = bytes.length & ~3
    for (let i = 0; i < words; i += 4) this.#add(bytes.readInt32LE(i))
    for (let i = words; i < bytes.length; i++) this.#add(bytes[i]!)
  }

  get value(): number {
    return (this.#one >>> 0) * 2 ** 21 + (this.#two >>> 11)
  }

  #add(unit: number): void {
    this.#one = Math.imul(this.#one ^ unit, 0x01000193)
    this.#one ^= this.#one >>> 15
    this.#two = Math.imul(this.#two ^ unit, 0x85ebca6b)
    this.#two ^= this.#two >>> 13
  }
}
