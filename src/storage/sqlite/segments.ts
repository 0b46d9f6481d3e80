/** The archive log is cut into months, so that retention can drop one as a whole. */
import type { DatabaseSync } from 'node:sqlite'
import { firstIdAt, timeOf } from '../archive-ids.ts'

/** One month of one archive: the tables `log_<id>`, `index_<id>` and `stub_<id>`. */
export interface Segment {
  readonly id: number
  readonly archive: number
  /** The ids it holds: from `low` up to, but not including, `high`. */
  readonly low: number
  readonly high: number
}

/** Months since the year 0, UTC. */
function monthOf(time: number): number {
  const date = new Date(time)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** All segments that can be read, oldest first. */
export function listSegments(db: DatabaseSync): Segment[] {
  const rows = db.prepare('SELECT id, archive_id, month FROM segment WHERE NOT dropping ORDER BY month').all()
  return rows.map(row => segmentOf(Number(row.id), Number(row.archive_id), Number(row.month)))
}

function segmentOf(id: number, archive: number, month: number): Segment {
  return { id, archive, low: firstIdAt(startOf(month)), high: firstIdAt(startOf(month + 1)) }
}

/** When a month began, ms since 1970. */
function startOf(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12)
}

/** Finds and makes segments for new items. Lives in the writer; all calls are inside a transaction. */
export class Segments {
  readonly #db: DatabaseSync
  /** The newest segment of each archive. */
  readonly #newest = new Map<number, Segment>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** The segment for a new item of an archive. */
  for(archive: number, id: number): Segment {
    const newest = this.#newest.get(archive)
    if (newest !== undefined && id >= newest.low && id < newest.high) return newest
    const month = monthOf(timeOf(id))
    const segment = this.#find(archive, month) ?? this.#make(archive, month)
    this.#newest.set(archive, segment)
    return segment
  }

  /** The segment that holds an item of an archive if it is there. */
  of(archive: number, id: number): Segment | undefined {
    return this.#find(archive, monthOf(timeOf(id)))
  }

  #find(archive: number, month: number): Segment | undefined {
    const select = 'SELECT id FROM segment WHERE archive_id = ? AND month = ? AND NOT dropping'
    const row = this.#db.prepare(select).get(archive, month)
    return row === undefined ? undefined : segmentOf(Number(row.id), archive, month)
  }

  #make(archive: number, month: number): Segment {
    const made = this.#db.prepare('INSERT INTO segment(archive_id, month) VALUES(?, ?)').run(archive, month)
    const segment = segmentOf(Number(made.lastInsertRowid), archive, month)
    // The payload comes last, so that all else is read without it. See erase.ts for what is changed in a row, and log-rows.ts for its parts.
    this.#db.exec(`
      CREATE TABLE log_${segment.id}(
        id INTEGER PRIMARY KEY,
        owner1 INTEGER NOT NULL, peer1 INTEGER NOT NULL, resource1 TEXT NOT NULL,
        sequence1 INTEGER NOT NULL, unread1 INTEGER NOT NULL, before1 INTEGER NOT NULL,
        owner2 INTEGER NOT NULL, peer2 INTEGER NOT NULL, resource2 TEXT NOT NULL,
        sequence2 INTEGER NOT NULL, unread2 INTEGER NOT NULL, before2 INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        key_high INTEGER, key_low INTEGER,
        payload BLOB NOT NULL
      ) STRICT;
      CREATE TABLE index_${segment.id}(
        owner INTEGER NOT NULL, id INTEGER NOT NULL, peer INTEGER NOT NULL,
        PRIMARY KEY(owner, id, peer)
      ) STRICT, WITHOUT ROWID;
      -- What an owner sees instead of the payload of the log, if the row is flagged so.
      CREATE TABLE stub_${segment.id}(
        owner INTEGER NOT NULL, id INTEGER NOT NULL, payload BLOB NOT NULL,
        PRIMARY KEY(owner, id)
      ) STRICT, WITHOUT ROWID;
      UPDATE progress SET generation = generation + 1`)
    return segment
  }

  /** After a rollback or when segments were dropped. */
  reset(): void {
    this.#newest.clear()
  }
}
