/** The end of the log that the index does not cover yet, in the memory of the reader, who merges it into pages. The writer has its `Arrivals`. */

/** An archived item under one of its owners; addresses are numbers. */
export interface TailEntry {
  readonly id: number
  readonly peer: number
}

/** Entries by segment and owner. They are added in the order of their ids. */
export class Tail {
  readonly #segments = new Map<number, Map<number, TailEntry[]>>()

  add(segment: number, owner: number, entry: TailEntry): void {
    const owners = this.#segments.get(segment) ?? new Map<number, TailEntry[]>()
    this.#segments.set(segment, owners)
    const entries = owners.get(owner)
    if (entries === undefined) owners.set(owner, [entry])
    else entries.push(entry)
  }

  /** The entries of an owner in a segment. */
  of(segment: number, owner: number): readonly TailEntry[] {
    return this.#segments.get(segment)?.get(owner) ?? []
  }

  /** The same without the entries up to and including this id. */
  after(id: number): Tail {
    const rest = new Tail()
    for (const [segment, owners] of this.#segments)
      for (const [owner, entries] of owners)
        for (const entry of entries) if (entry.id > id) rest.add(segment, owner, entry)
    return rest
  }
}

/** How far the index is: see the table `progress` in migrations/001-first.ts. */
export interface Progress {
  readonly low: number
  readonly high: number
  readonly segment: number
  readonly owner: number
  readonly id: number
}

/** What an owner has in a segment is in the index up to this id, and the rest is not. */
export function indexedUpTo(progress: Progress, segment: number, owner: number): number {
  const order = segment - progress.segment || owner - progress.owner
  if (order === 0) return progress.id
  return order < 0 ? progress.high : progress.low
}

/** The place of the first entry with this id or a greater one. */
export function placeOf(entries: readonly TailEntry[], id: number): number {
  let start = 0
  let end = entries.length
  while (start < end) {
    const middle = (start + end) >> 1
    if (entries[middle]!.id < id) start = middle + 1
    else end = middle
  }
  return start
}
