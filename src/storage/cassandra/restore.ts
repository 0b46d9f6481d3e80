import { timeOf } from '../archive-ids.ts'
import type { MovedRow } from '../engine.ts'
import { StorageError } from '../types.ts'
import type { GroupParts } from './group.ts'
import type { OwnerArchive } from './owner-archive.ts'
import { OwnerWrites } from './owner-writes.ts'
import { archiveEntry } from './owners.ts'
import type { Slots } from './slots.ts'

/** Items may be so much ahead of the clock, ms: those of embedded back ends may be, too. */
const MOST_AHEAD = 86_400_000

/** See `Archive.restore`. In the owner's lane. */
export async function restoreItems(
  { connection, slots, kinds, owners, archives, clock }: GroupParts,
  archive: string,
  owner: string,
  rows: readonly MovedRow[],
): Promise<void> {
  const opened = await archives.open(archive, owner)
  const now = clock.now()
  check(opened, rows, slots, now)
  await kinds.ready(archive)
  await owners.add(archiveEntry(archive), owner, opened.term)
  const writes = new OwnerWrites(owner, opened.term)
  writes.cutOff(opened, slots.stamp(opened.term))
  const stamp = slots.stamp(opened.term)
  for (const row of rows) writes.add(opened, opened.restore(row, stamp), stamp)
  try {
    await writes.store(connection, stamp, now)
  } catch (error) {
    archives.doubt(opened)
    throw error
  }
  archives.confirm(opened)
}

/** Takes ids of embedded back ends, and those that an earlier home may have given here: whatever is given from now on is greater. */
function check(opened: OwnerArchive, rows: readonly MovedRow[], slots: Slots, now: number): void {
  let { stored: id, time } = opened
  for (const row of rows) {
    const isKnown = isEmbedded(row) || slots.mayBePast(row.id, opened.term)
    if (row.id <= id || row.time < time || row.time > now + MOST_AHEAD || !isKnown)
      throw new StorageError(
        'invalid',
        `this storage gives no item of ${row.time} the id ${row.id} after ${id}`,
      )
    id = row.id
    time = row.time
  }
}

function isEmbedded({ id, time }: MovedRow): boolean {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) && timeOf(Number(id)) === time
}
