/**
 * Erasing for good: purge, retention, forgetting an owner. Each is a generator that does a few ms of work, in a transaction, per step.
 *
 * An archived payload is overwritten in place by zeros, and the number of its owner by its complement (`~7` is `-8`). Both keep the size
 * of the row, so SQLite overwrites the bytes where they lie and moves nothing; moving rows between pages can leave stale copies behind.
 * Complements keep the size because address numbers start at 2 (0 and 1 are stored in no bytes at all).
 * The log row itself thus says what was erased, and an index made from the log again leaves it out. What was erased is gone from the disk
 * once `truncateLog` is done, too: once for all that was erased together.
 */
import type { DatabaseSync } from 'node:sqlite'
import { firstIdAt } from '../archive-ids.ts'
import { StorageError } from '../types.ts'
import { BUSY_MS, transaction } from './database.ts'
import { dropSegment, ownersIn, purgeSegment } from './erase-segment.ts'
import { eraseSome, STEP_ROWS } from './erase-steps.ts'
import type { GroupWriter } from './group-writer.ts'
import type { Names } from './names.ts'
import { listSegments, type Segment } from './segments.ts'
import type { WriteBehind } from './write-behind.ts'

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

/** Which archived items are too old. */
export interface ExpireRange {
  readonly archive: string
  /** Only those archived before this time, ms since 1970. */
  readonly before: number
  /** Only those of owners of this domain. */
  readonly domain: string | undefined
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
  *purge({ archive, owner, upTo, ids }: PurgeRange): Generator<void> {
    const number = this.#names.findAddress(owner)
    if (number === undefined) return
    for (const { id: segment } of yield* this.#indexed(archive, upTo))
      yield* purgeSegment(this.#db, { segment, owner: number, upTo, ids })
  }

  /** Erases what an owner has in all archives up to an id, with its counts and keys, and in all tables except for the rows spared. */
  *forget(owner: string, upTo: number, spared: Spared): Generator<void> {
    const number = this.#names.findAddress(owner)
    if (number !== undefined) yield* this.#forgetArchives(number, upTo)
    for (const { id, name } of this.#db.prepare('SELECT id, name FROM table_name').all())
      yield* this.#forgetRows(Number(id), String(name), owner, spared)
  }

  *#forgetArchives(owner: number, upTo: number): Generator<void> {
    for (const { id, name } of this.#db.prepare('SELECT id, name FROM archive_name').all()) {
      for (const { id: segment } of yield* this.#indexed(String(name), upTo))
        yield* purgeSegment(this.#db, { segment, owner, upTo })
      transaction(this.#db, () => this.#behind.counters.forget(Number(id), owner, upTo))
      yield
    }
    yield* this.#behind.keys.forget(owner, upTo)
  }

  /** Erases what is too old in an archive. Months of which nothing stays are dropped. */
  *expire({ archive, before, domain }: ExpireRange): Generator<void> {
    const end = firstIdAt(before)
    for (const segment of yield* this.#indexed(archive, end - 1)) {
      const owners = domain === undefined ? undefined : yield* this.#ownersOf(segment, domain)
      // Nothing more is added to a month before the last item's.
      const isOver = segment.high <= Math.min(end, this.#behind.last)
      if (owners === 'all' || owners === undefined)
        yield* isOver ? this.#drop(segment) : this.#purgeAll(segment, end - 1)
      else
        for (const owner of owners)
          yield* purgeSegment(this.#db, { segment: segment.id, owner, upTo: end - 1 })
    }
  }

  /** The owners of a domain that have items in a month; `all` if nobody else has. */
  *#ownersOf({ id }: Segment, domain: string): Generator<void, number[] | 'all'> {
    const owners: number[] = []
    let others = false
    for (const some of ownersIn(this.#db, id)) {
      const own = some.filter(owner => domainOf(this.#names.text(owner)) === domain)
      others ||= own.length < some.length
      owners.push(...own)
      yield
    }
    return others ? owners : 'all'
  }

  *#purgeAll({ id: segment }: Segment, upTo: number): Generator<void> {
    for (const owners of ownersIn(this.#db, segment))
      for (const owner of owners) yield* purgeSegment(this.#db, { segment, owner, upTo })
  }

  *#drop(segment: Segment): Generator<void> {
    transaction(this.#db, () => {
      this.#db.prepare('UPDATE progress SET last_id = ?, generation = generation + 1').run(this.#behind.last)
      this.#db.prepare('UPDATE segment SET dropping = 1 WHERE id = ?').run(segment.id)
    })
    this.#groups.reset()
    this.#behind.reset()
    yield* dropSegment(this.#db, segment.id)
  }

  /** Takes up what the last process did not finish: segments that are marked for dropping, and a write-ahead log that was not emptied. */
  *takeUp(): Generator<void> {
    for (const { id } of this.#db.prepare('SELECT id FROM segment WHERE dropping').all())
      yield* dropSegment(this.#db, Number(id))
    yield* this.truncateLog()
  }

  /** The months of an archive that hold ids up to this one, once all that is in them by now is indexed: only that can be found. */
  *#indexed(archive: string, upTo: number): Generator<void, Segment[]> {
    const id = this.#names.findArchive(archive)
    if (id === undefined) return []
    yield* this.#behind.flush()
    return listSegments(this.#db).filter(segment => segment.archive === id && segment.low <= upTo)
  }

  *#forgetRows(table: number, name: string, owner: string, spared: Spared): Generator<void> {
    const find = this.#db.prepare(
      `SELECT key FROM item WHERE table_id = ? AND owner = ? AND key > ? ORDER BY key LIMIT ${STEP_ROWS}`,
    )
    const erase = this.#db.prepare('DELETE FROM item WHERE table_id = ? AND owner = ? AND key = ?')
    if (!spared.has(`${name}\0`)) erase.run(table, owner, '')
    for (let after = ''; ; ) {
      const found = find.all(table, owner, after).map(row => String(row.key))
      if (found.length === 0) return
      const done = eraseSome(this.#db, found, key => {
        if (!spared.has(`${name}\0${key}`)) erase.run(table, owner, key)
      })
      after = found[done - 1]!
      yield
    }
  }

  /** Makes the database file current and empties the write-ahead log, which holds older contents of pages. */
  *truncateLog(): Generator<void> {
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

/** `example.org` of `alice@example.org` and of itself. */
function domainOf(address: string): string {
  return address.slice(address.indexOf('@') + 1)
}
