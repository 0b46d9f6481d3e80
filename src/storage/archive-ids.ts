/**
 * Archive ids of the embedded back ends: milliseconds since 1970 times 1,024, plus a counter.
 * They fit in 53 bits until the year 2248, so a JavaScript number holds one exactly.
 */
import { type ArchiveQuery, StorageError } from './types.ts'

const PER_MS = 1024

/** Gives ids that only ever grow, whatever the wall clock does. */
export class IdSequence {
  #last: number

  /** `last`: the greatest id given so far, 0 for none. */
  constructor(last: number) {
    this.#last = last
  }

  get last(): number {
    return this.#last
  }

  /** The next id; `now` is the wall clock in ms. When the clock was set back the ids go on from where they were. */
  next(now: number): number {
    this.#last = Math.max(this.#last + 1, Math.floor(now) * PER_MS)
    return this.#last
  }

  /** An id has come from elsewhere: the next one is greater. */
  passed(id: number): void {
    this.#last = Math.max(this.#last, id)
  }

  /** Takes back the ids after `last`, which nobody has seen. */
  rewind(last: number): void {
    this.#last = last
  }
}

/** When an item with this id was archived, in ms since 1970. */
export function timeOf(id: number): number {
  return Math.floor(id / PER_MS)
}

/** The least id that an item archived at this time (ms since 1970) can have. */
export function firstIdAt(time: number): number {
  return Math.max(0, Math.ceil(time)) * PER_MS
}

/** A clock elsewhere may be so much ahead, ms: ids that are further would have all later ones follow them. */
const MOST_AHEAD = 86_400_000

/**
 * Checks items that come from elsewhere: their ids go up from `last`, and are those that an embedded back end gives at their times.
 * `now` in ms since 1970. Throws `invalid`.
 */
export function checkMoved(
  items: readonly { readonly id: bigint; readonly time: number }[],
  last: number,
  now: number,
): void {
  let before = BigInt(last)
  for (const { id, time } of items) {
    if (id <= before)
      throw new StorageError('invalid', `the archive has ${before} of this owner: ${id} cannot come after it`)
    if (id > BigInt(Number.MAX_SAFE_INTEGER) || timeOf(Number(id)) !== time || time > now + MOST_AHEAD)
      throw new StorageError('invalid', `this storage gives no item of ${time} the id ${id}`)
    before = id
  }
}

/** Ids from `low` up to, but not including, `high`. */
export interface IdRange {
  readonly low: number
  readonly high: number
}

/** The ids that the times of a query allow. */
function timeRange(query: Pick<ArchiveQuery, 'start' | 'end'>): IdRange {
  return {
    low: query.start === undefined ? 0 : firstIdAt(query.start),
    high: query.end === undefined ? Number.MAX_SAFE_INTEGER : firstIdAt(Math.floor(query.end) + 1),
  }
}

/** The ids that the times of a query and its place (`after`, `before`) allow. */
export function idRange(query: Pick<ArchiveQuery, 'start' | 'end' | 'after' | 'before'>): IdRange {
  const { low, high } = timeRange(query)
  return {
    low: query.after === undefined ? low : Math.max(low, clamp(query.after) + 1),
    high: query.before === undefined ? high : Math.min(high, clamp(query.before)),
  }
}

/** Ids that clients made up can be any 64-bit number. */
function clamp(id: bigint): number {
  if (id < 0n) return -1
  return id >= BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER - 1 : Number(id)
}
