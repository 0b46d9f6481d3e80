/** How much of the log a start after a crash has to read again, at most: rows are counted, so that it holds on any machine. */
import type { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { makeFolder, openForWriting } from '../../src/storage/sqlite/database.ts'
import { GroupWriter } from '../../src/storage/sqlite/group-writer.ts'
import { Names } from '../../src/storage/sqlite/names.ts'
import { listSegments } from '../../src/storage/sqlite/segments.ts'
import { WriteBehind } from '../../src/storage/sqlite/write-behind.ts'
import { NOON } from './contract.ts'

/** Entries at which a round of indexing begins (write-behind.ts), and commits of the largest group (commit-queue.ts). */
const ROUND = 16_384
const LARGEST_GROUP = 1_000

for (const { owners, commits } of [
  { owners: 2, commits: LARGEST_GROUP },
  { owners: 1, commits: LARGEST_GROUP },
  { owners: 2, commits: 100 },
])
  t.test(`groups of ${commits} messages for ${owners} owners each: the tail is bounded`, async t => {
    const folder = t.testdir()
    makeFolder(folder)
    const db = openForWriting(folder, 'off')
    const behind = new WriteBehind(db, 'off')
    const groups = new GroupWriter(db, new Names(db), behind)
    let sent = 0
    let most = 0
    let largest = 0
    const group = () => {
      groups.write(
        Array.from({ length: commits }, () => message(sent++, owners)),
        NOON,
      )
      most = Math.max(most, unindexed())
      // As the writer does after each group.
      const before = indexed(db)
      if (behind.due) behind.slice()
      largest = Math.max(largest, indexed(db) - before)
    }
    /** Rows that a start would read: those after the last round that is done. */
    const unindexed = () => count(db, 'log', 'WHERE id > (SELECT low FROM progress)')

    while (sent * owners < 4 * ROUND) group()

    // While a round is written, twice as fast as messages come, half as many come. A group is not cut.
    const entries = commits * owners
    const bound = ((ROUND + entries) * 1.5 + entries) / owners
    t.ok(most <= bound, `${most} rows, at most ${bound}`)
    t.ok(most > ROUND / owners, 'it was full')
    // A commit that comes meanwhile waits for it.
    t.ok(largest <= Math.max(512, 2 * entries), `${largest} entries in the largest slice`)
    const left = unindexed()
    db.close()

    const again = openForWriting(folder, 'off')
    const taken = new WriteBehind(again, 'off')
    for (const _ of taken.flush());
    t.equal(indexed(again), sent * owners, `${left} rows that were not indexed are`)
    again.close()
  })

function indexed(db: DatabaseSync): number {
  return count(db, 'index')
}

/** Rows of the only segment. */
function count(db: DatabaseSync, table: 'log' | 'index', where = ''): number {
  const [segment] = listSegments(db)
  return Number(db.prepare(`SELECT count(*) AS n FROM ${table}_${segment!.id} ${where}`).get()!.n)
}

/** A message between some of 100 users. */
function message(n: number, owners: number) {
  const payload = Buffer.from(`${n}`)
  const rest = { archive: 'mam', payload, unread: false, byOwner: false, key: undefined, unless: [] }
  const user = (k: number) => `user${k % 100}@localhost`
  return Array.from(
    { length: owners },
    (_, side) => ({ kind: 'append', owner: user(n + side), peer: user(n + 1 - side), ...rest }) as const,
  )
}
