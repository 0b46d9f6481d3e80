/**
 * What an owner has with one peer, where that is little: each row of the log names the item with the same peer before it, so they are found
 * from the last one back, however much the owner has with others.
 */
import type { IdRange } from '../archive-ids.ts'
import type { ArchiveView } from './archive-view.ts'
import { NOBODY } from './log-rows.ts'
import type { FoundEntry, OwnerSegment, Subject } from './owner-segment.ts'

/** An item, and where it is. */
export interface Place {
  readonly segment: OwnerSegment
  readonly id: number
}

/**
 * All items with the peer, oldest first; `undefined` if there are more than `most` to follow, or if they have no chain of their own.
 * `segments` are those of the archive, oldest first.
 */
export function conversation(
  view: ArchiveView,
  {
    archive,
    subject,
    segments,
    most,
  }: {
    readonly archive: string
    readonly subject: Subject
    readonly segments: readonly OwnerSegment[]
    readonly most: number
  },
): Place[] | undefined {
  const { owner, peer } = subject
  if (peer === undefined || view.counter(archive, owner, NOBODY) !== undefined) return undefined
  const counter = view.counter(archive, owner, peer)
  if (counter !== undefined && counter.sequence > most) return undefined
  const indexed = follow(counter?.id ?? 0, segments).reverse()
  const all = { low: 0, high: Number.MAX_SAFE_INTEGER }
  const unindexed = segments.flatMap(segment => segment.unindexed(all).map(({ id }) => ({ segment, id })))
  return [...indexed, ...unindexed]
}

/** Newest first. A month that was dropped ends the chain: what was before it has been erased, too. */
function follow(last: number, segments: readonly OwnerSegment[]): Place[] {
  const places: Place[] = []
  for (let id = last; id > 0; ) {
    const segment = segments.findLast(one => one.low <= id && id < one.high)
    const link = segment?.link(id)
    if (link === undefined) break
    if (link.own) places.push({ segment: segment!, id })
    id = link.before
  }
  return places
}

/** Those of a range, with their payloads, as far as anybody asks. */
export function* inRange(
  places: readonly Place[],
  { low, high }: IdRange,
  peer: number,
): Generator<FoundEntry> {
  for (const { segment, id } of places) if (id >= low && id < high) yield segment.withPayload({ id, peer })
}
