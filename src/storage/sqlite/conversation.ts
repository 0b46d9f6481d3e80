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
 * The items with the peer in a range, newest first, found as far as anybody asks; `undefined` if there are more than `most` to follow, or if
 * they have no chain of their own. `segments` are those of the archive, oldest first.
 */
export function conversation(
  view: ArchiveView,
  {
    archive,
    subject,
    segments,
    range,
    most,
  }: {
    readonly archive: string
    readonly subject: Subject
    readonly segments: readonly OwnerSegment[]
    readonly range: IdRange
    readonly most: number
  },
): Iterable<Place> | undefined {
  const { owner, peer } = subject
  if (peer === undefined || view.counter(archive, owner, NOBODY) !== undefined) return undefined
  const counter = view.counter(archive, owner, peer)
  if (counter !== undefined && counter.sequence > most) return undefined
  return follow(counter?.id ?? 0, segments, range)
}

/**
 * What is not indexed, then the chain: it leads to ever older ones, so there is nothing of the range behind the first that is older. A month that
 * was dropped ends it: what was before has been erased, too.
 */
function* follow(last: number, segments: readonly OwnerSegment[], range: IdRange): Generator<Place> {
  for (const segment of segments.toReversed())
    for (const { id } of segment.unindexed(range).toReversed()) yield { segment, id }
  for (let id = last; id > 0 && id >= range.low; ) {
    const segment = segments.findLast(one => one.low <= id && id < one.high)
    const link = segment?.link(id)
    if (link === undefined) return
    if (link.own && id < range.high) yield { segment: segment!, id }
    id = link.before
  }
}

/** Those items with their payloads, as far as anybody asks. */
export function* withPayloads(places: Iterable<Place>, peer: number): Generator<FoundEntry> {
  for (const { segment, id } of places) yield segment.withPayload({ id, peer })
}
