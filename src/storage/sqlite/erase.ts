/**
 * Erasing for good: purge, retention, forgetting an owner. Each is a generator that does a few ms of work, in a transaction, per step.
 *
 * An archived payload is overwritten in place by zeros, and the number of its owner by its complement (`~7` is `-8`). Both keep the size
 * of the row, so SQLite overwrites the bytes where they lie and moves nothing; moving rows between pages can leave stale copies behind.
 * Complements keep the size because address numbers start at 2 (0 and 1 are stored in no bytes at all).
 * The log row itself thus says what was erased, and an index made from the log again leaves it out.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { firstIdAt } from '../archive-ids.ts'
import { StorageError } from '../types.ts'
import { BUSY_MS, transaction } from './database.ts'
import type { GroupWriter } from './group-writer.ts'
import type { Names } from './names.ts'
import { listSegments, monthOf, type Segment, startOf } from './segments.ts'
import type { WriteBehind } from './write-behind.ts'

/** Rows per step at most, and how long a step may take: large payloads take longer. */
const STEP_ROWS = 200
const STEP_MS = 4
/** How often to try to empty the write-ahead log while readers hold it, and how long each try may wait for them, ms. */
const TRUNCATE_TRIES = 200
const TRUNCATE_MS = 5

/** Rows of one owner that were written while the older ones are being erased, as `table NUL key`. */
export type Spared = ReadonlySet<string>

/** Which archived items of an owner to erase. */
export interface PurgeRange {
  readonly archive: string
  readonly owner: string
  /** Only ids up to this one. */
  readonly upTo: number
  readonly ids: readonly number[] | undefined
}

/** The parts of the writer that erasing needs. */
export interface EraserParts {
  readonly db: DatabaseSync
  readonly names: Names
  readonly behind: WriteBehind
  readonly groups: GroupWriter
}

/** Erases rows for good. Lives in the writer. */
export class Eraser {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #behind: WriteBehind
  readonly #groups: GroupWriter

  constructor({ db, names, behind, groups }: EraserParts) {
    this.#db = db
    this.#names = names
    this.#behind = behind
    this.#groups = groups
  }

  /** Erases archived items of one owner. */
  *purge(range: PurgeRange): Generator<void> {
    yield* this.#purgeRows(range)
    yield* this.#truncateLog()
  }

  /** Erases what an owner has in all archives up to an id, and in all tables except for the rows spared. */
  *forget(owner: string, upTo: number, spared: Spared): Generator<void> {
    for (const { name } of this.#db.prepare('SELECT name FROM archive_name').all())
      yield* this.#purgeRows({ archive: String(name), owner, upTo, ids: undefined })
    for (const { id, name } of this.#db.prepare('SELECT id, name FROM table_name').all())
      yield* this.#forgetRows(Number(id), String(name), owner, spared)
    yield* this.#truncateLog()
  }

  /** Drops the months of an archive that ended before a time (ms since 1970). */
  *expire(archive: string, before: number): Generator<void> {
    const id = this.#names.findArchive(archive)
    if (id === undefined) return
    yield* this.#behind.flush()
    // What came since must be indexed before its segment goes, so that the index never meets a missing table.
    for (const _ of this.#behind.flush());
    const end = firstIdAt(startOf(monthOf(before)))
    const old = listSegments(this.#db).filter(segment => segment.archive === id && segment.high <= end)
    if (old.length === 0) return
    transaction(this.#db, () => {
      this.#db.prepare('UPDATE progress SET last_id = ?, generation = generation + 1').run(this.#behind.last)
      for (const segment of old)
        this.#db.prepare('UPDATE segment SET dropping = 1 WHERE id = ?').run(segment.id)
    })
    this.#groups.reset()
    this.#behind.reset()
    yield* this.dropSegments()
  }

  /** Erases the segments that are marked for it; also those that a crash left so. */
  *dropSegments(): Generator<void> {
    const marked = this.#db.prepare('SELECT id FROM segment WHERE dropping').all()
    if (marked.length === 0) return
    for (const { id } of marked) yield* this.#dropSegment(Number(id))
    yield* this.#truncateLog()
  }

  *#dropSegment(id: number): Generator<void> {
    const rows = this.#db.prepare(`SELECT id FROM log_${id} ORDER BY id LIMIT ${STEP_ROWS}`)
    const row = this.#db.prepare(`DELETE FROM log_${id} WHERE id = ?`)
    yield* this.#untilNone(rows, found => row.run(found.id!))
    const entries = this.#db.prepare(
      `SELECT owner, id, peer FROM index_${id} ORDER BY owner, id LIMIT ${STEP_ROWS}`,
    )
    const entry = this.#db.prepare(`DELETE FROM index_${id} WHERE owner = ? AND id = ? AND peer = ?`)
    yield* this.#untilNone(entries, found => entry.run(found.owner!, found.id!, found.peer!))
    transaction(this.#db, () => {
      this.#db.exec(`DROP TABLE log_${id}; DROP TABLE index_${id}`)
      this.#db.prepare('DELETE FROM segment WHERE id = ?').run(id)
    })
  }

  /** Repeats a query and erases what it finds until it finds nothing. */
  *#untilNone(query: StatementSync, erase: (row: Record<string, SQLOutputValue>) => void): Generator<void> {
    for (let found = query.all(); found.length > 0; found = query.all()) {
      this.#step(found, erase)
      yield
    }
  }

  /** Erases some of these rows in one transaction; how many. */
  #step<R>(rows: readonly R[], erase: (row: R) => void): number {
    const end = performance.now() + STEP_MS
    return transaction(this.#db, () => {
      let done = 0
      do erase(rows[done++]!)
      while (done < rows.length && performance.now() < end)
      return done
    })
  }

  *#purgeRows({ archive, owner, upTo, ids }: PurgeRange): Generator<void> {
    const archiveId = this.#names.findArchive(archive)
    const ownerId = this.#names.findAddress(owner)
    if (archiveId === undefined || ownerId === undefined) return
    // Only what is indexed can be found here.
    yield* this.#behind.flush()
    for (const segment of listSegments(this.#db)) {
      if (segment.archive === archiveId && segment.low <= upTo)
        yield* this.#purgeSegment(segment, ownerId, upTo, ids)
    }
  }

  *#purgeSegment(
    segment: Segment,
    owner: number,
    upTo: number,
    ids: readonly number[] | undefined,
  ): Generator<void> {
    const { id: number } = segment
    const find = this.#db.prepare(
      `SELECT id FROM index_${number} WHERE owner = ? AND id > ? AND id <= ? ORDER BY id LIMIT ${STEP_ROWS}`,
    )
    const disown1 = this.#db.prepare(
      `UPDATE log_${number} SET owner1 = ~owner1, peer1 = ~peer1 WHERE id = ? AND owner1 = ?`,
    )
    const disown2 = this.#db.prepare(
      `UPDATE log_${number} SET owner2 = ~owner2, peer2 = ~peer2 WHERE id = ? AND owner2 = ?`,
    )
    const wipe = this.#db.prepare(`UPDATE log_${number} SET payload = zeroblob(length(payload))
      WHERE id = ? AND owner1 < 2 AND owner2 < 2`)
    const unlist = this.#db.prepare(`DELETE FROM index_${number} WHERE owner = ? AND id = ?`)
    const wanted = ids && new Set(ids)
    for (let after = 0; ; ) {
      const found = find.all(owner, after, upTo).map(row => Number(row.id))
      if (found.length === 0) return
      const done = this.#step(found, id => {
        if (wanted !== undefined && !wanted.has(id)) return
        disown1.run(id, owner)
        disown2.run(id, owner)
        wipe.run(id)
        unlist.run(owner, id)
      })
      after = found[done - 1]!
      yield
    }
  }

  *#forgetRows(table: number, name: string, owner: string, spared: Spared): Generator<void> {
    const find = this.#db.prepare(
      `SELECT key FROM item WHERE table_id = ? AND owner = ? AND key > ? ORDER BY key LIMIT ${STEP_ROWS}`,
    )
    const erase = this.#db.prepare('DELETE FROM item WHERE table_id = ? AND owner = ? AND key = ?')
    const first = this.#db.prepare("DELETE FROM item WHERE table_id = ? AND owner = ? AND key = ''")
    if (!spared.has(`${name}\0`)) first.run(table, owner)
    for (let after = ''; ; ) {
      const found = find.all(table, owner, after).map(row => String(row.key))
      if (found.length === 0) return
      const done = this.#step(found, key => {
        if (!spared.has(`${name}\0${key}`)) erase.run(table, owner, key)
      })
      after = found[done - 1]!
      yield
    }
  }

  /** Makes the database file current and empties the write-ahead log, which holds older contents of pages. */
  *#truncateLog(): Generator<void> {
    for (let tries = 0; tries < TRUNCATE_TRIES; tries++) {
      this.#db.exec(`PRAGMA busy_timeout = ${TRUNCATE_MS}`)
      try {
        if (this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0) return
      } finally {
        this.#db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
      }
      yield
    }
    throw new StorageError('unavailable', 'readers kept the write-ahead log from being emptied')
  }
}
