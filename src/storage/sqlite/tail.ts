/** The end of the log that the index does not cover yet, in memory. The writer indexes it, the reader merges it into pages. */

/** An archived item under one of its owners; addresses are numbers. */
export interface TailEntry {
  readonly id: number
  readonly peer: number
}

/** Items of one owner in one segment, ids ascending. */
export interface TailList<E extends TailEntry> {
  readonly segment: number
  readonly owner: number
  readonly entries: E[]
}

/** Entries by segment and owner. They are added in the order of their ids. */
export class Tail<E extends TailEntry = TailEntry> {
  readonly #segments = new Map<number, Map<number, TailList<E>>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(segment: number, owner: number, entry: E): void {
    const owners = this.#segments.get(segment) ?? new Map<number, TailList<E>>()
    const list = owners.get(owner) ?? { segment, owner, entries: [] }
    list.entries.push(entry)
    owners.set(owner, list)
    this.#segments.set(segment, owners)
    this.#size++
  }

  /** The entries of an owner in a segment. */
  of(segment: number, owner: number): readonly E[] {
    return this.#segments.get(segment)?.get(owner)?.entries ?? []
  }

  /** All lists in the order in which they are indexed: by segment, then by owner. */
  inOrder(): TailList<E>[] {
    const lists = [...this.#segments.values()].flatMap(owners => [...owners.values()])
    return lists.sort((a, b) => a.segment - b.segment || a.owner - b.owner)
  }

  /** The same without the entries up to and including this id. */
  after(id: number): Tail<E> {
    const rest = new Tail<E>()
    for (const { segment, owner, entries } of this.inOrder())
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
