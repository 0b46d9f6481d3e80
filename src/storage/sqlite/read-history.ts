/**
 * Pages of archives. A query is a generator that works a few ms per step and may see a newer snapshot in each,
 * so it keeps its place as an id.
 */
import { type IdRange, idRange } from '../archive-ids.ts'
import type { HistoryQuery } from '../engine.ts'
import type { ArchiveView } from './archive-view.ts'
import { conversation, withPayloads } from './conversation.ts'
import { FoundItems } from './found-items.ts'
import { type FoundEntry, OwnerSegment, type Subject } from './owner-segment.ts'
import type { PackedHistory, Reads } from './reader-message.ts'
import type { TailEntry } from './tail.ts'

/** How much is done at once. */
export interface Pace {
  /** Entries of the index to look at in one step; about 1 ms. */
  readonly stepEntries: number
  /** Items with a peer to be found by their chain, in one step. Of more, a page is found soon enough among all. */
  readonly mostLinks: number
}

const PACE: Pace = { stepEntries: 2000, mostLinks: 500 }
/** How many entries of the index can be looked at while one payload is looked into. */
const LOOK_INTO = 8
/** Entries of the index to count; a total that would take more is left out. */
const MAX_COUNTED = 10_000

/** Answers a query. */
export function* history(
  view: ArchiveView,
  { archive, owner, query }: Reads['history']['ask'],
  { stepEntries, mostLinks } = PACE,
): Generator<void, PackedHistory> {
  const { containing } = query
  const found = new FoundItems(view, query.limit, containing)
  const subject = subjectOf(view, owner, query)
  const counts = query.count && containing === undefined
  if (subject === undefined) return found.packed(counts ? 0 : undefined)
  const step = containing === undefined ? stepEntries : Math.ceil(stepEntries / LOOK_INTO)
  const segmentsIn = (range: IdRange) =>
    view.segments(archive, range).map(segment => new OwnerSegment(view, segment, subject, step))
  const range = idRange(query)
  const reverse = query.reverse ?? false
  if (query.ids !== undefined) {
    const total = pick(segmentsIn, query.ids.map(Number), range, reverse, found)
    return found.packed(counts ? total : undefined)
  }
  const segments = segmentsIn({ low: 0, high: Number.MAX_SAFE_INTEGER })
  const few = conversation(view, { archive, subject, segments, range, most: mostLinks })
  if (few !== undefined) {
    // From the newest down no more are looked for than fit.
    const all = reverse && !counts ? undefined : [...few]
    const places = all === undefined ? few : reverse ? all : all.toReversed()
    found.addAll(withPayloads(places, subject.peer!))
    return found.packed(counts ? all?.length : undefined)
  }
  const total = counts ? yield* count(segmentsIn(range), range) : undefined
  if (reverse) yield* walkDown(segmentsIn(range).reverse(), range, found)
  else yield* walkUp(segmentsIn(range), range, found)
  return found.packed(total)
}

function subjectOf(view: ArchiveView, owner: string, { peer, resource }: HistoryQuery): Subject | undefined {
  const ownerNumber = view.address(owner)
  const peerNumber = peer === undefined ? undefined : view.address(peer)
  if (ownerNumber === undefined || (peer !== undefined && peerNumber === undefined)) return undefined
  return { owner: ownerNumber, peer: peerNumber, resource }
}

function* walkUp(segments: OwnerSegment[], range: IdRange, found: FoundItems): Generator<void> {
  for (const segment of segments) {
    for (let low: number | undefined = range.low; low !== undefined; ) {
      const [step, next]: [IdRange, number | undefined] = segment.stepUp(
        { low, high: range.high },
        found.wanted,
      )
      if (!found.addAll(segment.indexed(step, 'ASC', found.wanted))) return
      // What the index lacks is newer than what it has: it comes after the last step.
      if (next === undefined && !found.addAll(payloads(segment, segment.unindexed(step)))) return
      low = next
      yield
    }
  }
}

function* walkDown(segments: OwnerSegment[], range: IdRange, found: FoundItems): Generator<void> {
  for (const segment of segments) {
    // By the second step these may be in the index; but that step begins below the first one, which saw the same snapshot as this.
    if (!found.addAll(payloads(segment, segment.unindexed(range).toReversed()))) return
    for (let high: number | undefined = range.high; high !== undefined; ) {
      const [step, next]: [IdRange, number | undefined] = segment.stepDown(
        { low: range.low, high },
        found.wanted,
      )
      if (!found.addAll(segment.indexed(step, 'DESC', found.wanted))) return
      high = next
      yield
    }
  }
}

/** Reads payloads one by one, as far as anybody asks. */
function* payloads(segment: OwnerSegment, entries: Iterable<TailEntry>): Generator<FoundEntry> {
  for (const entry of entries) yield segment.withPayload(entry)
}

/** `undefined` when there is too much to look at. */
function* count(segments: OwnerSegment[], range: IdRange): Generator<void, number | undefined> {
  let total = 0
  let left = MAX_COUNTED
  for (const segment of segments) {
    if (segment.hasMoreThan(left, range)) return undefined
    const { looked, matches } = segment.countIndexed(range)
    total += matches + segment.unindexed(range).length
    left -= looked
    yield
  }
  return total
}

/** Adds the items with these ids that are in `range`; how many there are. */
function pick(
  segmentsIn: (range: IdRange) => OwnerSegment[],
  ids: number[],
  range: IdRange,
  reverse: boolean,
  found: FoundItems,
): number {
  const sorted = [...new Set(ids)].sort((a, b) => (reverse ? b - a : a - b))
  let total = 0
  let full = false
  for (const id of sorted) {
    if (id < range.low || id >= range.high) continue
    for (const segment of segmentsIn({ low: id, high: id + 1 })) {
      const entry = segment.find(id)
      if (entry === undefined) continue
      total++
      if (!full) full = !found.addAll([entry])
    }
  }
  return total
}
