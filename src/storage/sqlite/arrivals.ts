import type { Key, NewEntry } from './log-rows.ts'

const FIRST_CAPACITY = 1024
/** Entries that `inOrder` can tell apart. */
const MAX_ENTRIES = 2 ** 21

/**
 * Entries that wait to be indexed, in columns of numbers: tens of thousands of objects that live for a second would cost the collector of
 * a small heap as much as all else that is done for them. They are added in the order of their ids within each month.
 */
export class Arrivals {
  #size = 0
  #ids = new Float64Array(FIRST_CAPACITY)
  #archives = new Int32Array(FIRST_CAPACITY)
  #segments = new Int32Array(FIRST_CAPACITY)
  #owners = new Uint32Array(FIRST_CAPACITY)
  #peers = new Uint32Array(FIRST_CAPACITY)
  #counted = new Uint32Array(FIRST_CAPACITY)
  #sequences = new Float64Array(FIRST_CAPACITY)
  #unreads = new Float64Array(FIRST_CAPACITY)
  /** Both are 0 where there is no key: of a hash that is one in 2^64. */
  #highs = new Int32Array(FIRST_CAPACITY)
  #lows = new Int32Array(FIRST_CAPACITY)

  get size(): number {
    return this.#size
  }

  add(entry: NewEntry): void {
    if (this.#size === this.#ids.length) this.#grow()
    const place = this.#size++
    this.#ids[place] = entry.id
    this.#archives[place] = entry.archive
    this.#segments[place] = entry.segment
    this.#owners[place] = entry.owner
    this.#peers[place] = entry.peer
    this.#counted[place] = entry.counted
    this.#sequences[place] = entry.sequence
    this.#unreads[place] = entry.unread
    this.#highs[place] = entry.key?.high ?? 0
    this.#lows[place] = entry.key?.low ?? 0
  }

  #grow(): void {
    const capacity = 2 * this.#size
    this.#ids = grown(this.#ids, new Float64Array(capacity))
    this.#archives = grown(this.#archives, new Int32Array(capacity))
    this.#segments = grown(this.#segments, new Int32Array(capacity))
    this.#owners = grown(this.#owners, new Uint32Array(capacity))
    this.#peers = grown(this.#peers, new Uint32Array(capacity))
    this.#counted = grown(this.#counted, new Uint32Array(capacity))
    this.#sequences = grown(this.#sequences, new Float64Array(capacity))
    this.#unreads = grown(this.#unreads, new Float64Array(capacity))
    this.#highs = grown(this.#highs, new Int32Array(capacity))
    this.#lows = grown(this.#lows, new Int32Array(capacity))
  }

  /** The entry in a place. */
  at(place: number): NewEntry {
    return {
      archive: this.#archives[place]!,
      segment: this.#segments[place]!,
      owner: this.#owners[place]!,
      id: this.#ids[place]!,
      peer: this.#peers[place]!,
      counted: this.#counted[place]!,
      sequence: this.#sequences[place]!,
      unread: this.#unreads[place]!,
      key: this.#keyAt(place),
    }
  }

  #keyAt(place: number): Key | undefined {
    const [high, low] = [this.#highs[place]!, this.#lows[place]!]
    return high === 0 && low === 0 ? undefined : { high, low }
  }

  /** All places in the order in which they are indexed: by segment, owner and id. */
  inOrder(): Uint32Array {
    const segments = [...new Set(this.#segments.subarray(0, this.#size))].sort((a, b) => a - b)
    const order = new Uint32Array(this.#size)
    let end = 0
    for (const segment of segments) {
      const sorted = this.#ofSegment(segment)
      for (const owned of sorted) order[end++] = owned % MAX_ENTRIES
    }
    return order
  }

  /** The places of a segment, each with its owner in front of it: numbers sort faster than anything that is compared by a function. */
  #ofSegment(segment: number): Float64Array {
    const owned = new Float64Array(this.#size)
    let count = 0
    for (let place = 0; place < this.#size; place++)
      if (this.#segments[place] === segment) owned[count++] = this.#owners[place]! * MAX_ENTRIES + place
    return owned.subarray(0, count).sort()
  }
}

function grown<A extends Float64Array | Int32Array | Uint32Array>(old: A, larger: A): A {
  larger.set(old)
  return larger
}
