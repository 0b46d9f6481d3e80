import type { DatabaseSync } from 'node:sqlite'
import { transaction } from './database.ts'
import { eraseAll, eraseSome, STEP_ROWS } from './erase-steps.ts'
import { wipeUnseen } from './log-items.ts'

/** What to erase in a month. */
export interface SegmentRange {
  readonly segment: number
  readonly owner: number
  /** Only ids up to this one. */
  readonly upTo: number
  /** Only these ids. */
  readonly ids?: readonly number[] | undefined
}

/** Erases items of one owner, all of which are indexed. See erase.ts for how. */
export function* purgeSegment(
  db: DatabaseSync,
  { segment, owner, upTo, ids }: SegmentRange,
): Generator<void> {
  const find = db.prepare(
    `SELECT id FROM index_${segment} WHERE owner = ? AND id > ? AND id <= ? ORDER BY id LIMIT ${STEP_ROWS}`,
  )
  const disown = (side: 1 | 2) =>
    db.prepare(`UPDATE log_${segment} SET owner${side} = ~owner${side}, peer${side} = ~peer${side},
      resource${side} = ${blank(`resource${side}`)} WHERE id = ? AND owner${side} = ?`)
  const sides = [disown(1), disown(2)]
  const wipe = db.prepare(wipeUnseen(segment))
  const unlist = db.prepare(`DELETE FROM index_${segment} WHERE owner = ? AND id = ?`)
  const unstub = db.prepare(`DELETE FROM stub_${segment} WHERE owner = ? AND id = ?`)
  const wanted = ids && new Set(ids)
  for (let after = 0; ; ) {
    const found = find.all(owner, after, upTo).map(row => Number(row.id))
    if (found.length === 0) return
    const done = eraseSome(db, found, id => {
      if (wanted !== undefined && !wanted.has(id)) return
      for (const side of sides) side.run(id, owner)
      wipe.run(id)
      unlist.run(owner, id)
      unstub.run(owner, id)
    })
    after = found[done - 1]!
    yield
  }
}

/**
 * Erases a month that nobody can see any more, and its tables. The rows of the log are overwritten where they lie first: when rows are
 * deleted one after another, the others are moved between pages, and what is moved can leave a stale copy.
 */
export function* dropSegment(db: DatabaseSync, segment: number): Generator<void> {
  yield* blankLog(db, segment)
  for (const [name, key] of [
    ['log', ['id']],
    ['index', ['owner', 'id', 'peer']],
    ['stub', ['owner', 'id']],
  ] as const) {
    const columns = key.join()
    const rows = db.prepare(
      `SELECT ${columns} FROM ${name}_${segment} ORDER BY ${columns} LIMIT ${STEP_ROWS}`,
    )
    const row = db.prepare(
      `DELETE FROM ${name}_${segment} WHERE ${key.map(column => `${column} = ?`).join(' AND ')}`,
    )
    yield* eraseAll(db, rows, found => row.run(...key.map(column => found[column]!)))
  }
  transaction(db, () => {
    db.exec(`DROP TABLE log_${segment}; DROP TABLE index_${segment}; DROP TABLE stub_${segment}`)
    db.prepare('DELETE FROM segment WHERE id = ?').run(segment)
  })
}

function* blankLog(db: DatabaseSync, segment: number): Generator<void> {
  const find = db.prepare(`SELECT id FROM log_${segment} WHERE id > ? ORDER BY id LIMIT ${STEP_ROWS}`)
  const wipe = db.prepare(`UPDATE log_${segment} SET payload = zeroblob(length(payload)),
    resource1 = ${blank('resource1')}, resource2 = ${blank('resource2')} WHERE id = ?`)
  for (let after = 0; ; ) {
    const found = find.all(after).map(row => Number(row.id))
    if (found.length === 0) return
    const done = eraseSome(db, found, id => wipe.run(id))
    after = found[done - 1]!
    yield
  }
}

/** A text of as many bytes as that of a column, all of them 0. */
function blank(column: string): string {
  return `CAST(zeroblob(length(CAST(${column} AS BLOB))) AS TEXT)`
}

/** The owners that have items in a month, a few at a time. */
export function* ownersIn(db: DatabaseSync, segment: number): Generator<number[]> {
  // Each owner is one search of the tree, however many items it has.
  const next = db.prepare(`SELECT owner FROM index_${segment} WHERE owner > ? ORDER BY owner LIMIT 1`)
  for (let last = 0; ; ) {
    const owners: number[] = []
    for (let found = next.get(last); found !== undefined; found = next.get(last)) {
      last = Number(found.owner)
      owners.push(last)
      if (owners.length === STEP_ROWS) break
    }
    if (owners.length === 0) return
    yield owners
  }
}
