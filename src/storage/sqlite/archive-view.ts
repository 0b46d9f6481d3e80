import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { IdRange } from '../archive-ids.ts'
import { type LogRow, logAfter, ownersOf } from './log-rows.ts'
import { listSegments, type Segment } from './segments.ts'
import { indexedUpTo, type Progress, placeOf, Tail, type TailEntry } from './tail.ts'

const MAX_CACHED_ADDRESSES = 20_000
const TABLE = /\$(log|index|stub)\b/g

/** The archives as one snapshot of the database shows them: the index, and the tail of the log that it does not cover yet. */
export class ArchiveView {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #inSegments = new Map<number, Map<string, StatementSync>>()
  readonly #texts = new Map<number, string>()
  #segments: Segment[] = []
  #tail = new Tail()
  #progress: Progress & { readonly generation: number }
  /** The tail holds the rows of the log after `low` and up to `seen`. */
  #seen = 0

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#progress = { low: 0, high: 0, segment: 0, owner: 0, id: 0, generation: -1 }
  }

  /** Looks at the snapshot of the transaction that has just begun. */
  refresh(): void {
    const { low, generation } = this.#progress
    this.#progress = this.#prepare('SELECT * FROM progress').get() as unknown as Progress & {
      generation: number
    }
    if (this.#progress.generation !== generation) {
      this.#segments = listSegments(this.#db)
      this.#statements.clear()
      this.#inSegments.clear()
    }
    if (this.#progress.low !== low) this.#tail = this.#tail.after(this.#progress.low)
    this.#readTail(Math.max(this.#seen, this.#progress.low))
  }

  #readTail(after: number): void {
    this.#seen = after
    for (const { id: segment, high } of this.#segments) {
      if (high <= after) continue
      const rows = this.#prepare(logAfter(segment)).iterate(after) as unknown as Iterable<LogRow>
      for (const row of rows) {
        for (const { owner, peer } of ownersOf(row)) this.#tail.add(segment, owner, { id: row.id, peer })
        this.#seen = Math.max(this.#seen, row.id)
      }
    }
  }

  /** The segments of an archive that may hold some of these ids, oldest first. */
  segments(archive: string, range: IdRange): Segment[] {
    const id = this.#archive(archive)
    return this.#segments.filter(
      segment => segment.archive === id && segment.low < range.high && segment.high > range.low,
    )
  }

  #archive(name: string): number | undefined {
    return this.#prepare('SELECT id FROM archive_name WHERE name = ?').get(name)?.id as number | undefined
  }

  /** How many of an owner's items were counted together, as far as they are indexed, and the last of them. */
  counter(archive: string, owner: number, counted: number): { sequence: number; id: number } | undefined {
    const select = 'SELECT sequence, id FROM counter WHERE archive_id = ? AND owner = ? AND peer = ?'
    const found = this.#prepare(select).get(this.#archive(archive) ?? 0, owner, counted)
    return found as { sequence: number; id: number } | undefined
  }

  /** The number of an address, if it occurs at all. */
  address(text: string): number | undefined {
    return this.#prepare('SELECT id FROM address WHERE text = ?').get(text)?.id as number | undefined
  }

  /** The address with this number. */
  text(address: number): string {
    const known = this.#texts.get(address)
    if (known !== undefined) return known
    const text = String(this.#prepare('SELECT text FROM address WHERE id = ?').get(address)?.text)
    if (this.#texts.size >= MAX_CACHED_ADDRESSES) this.#texts.clear()
    this.#texts.set(address, text)
    return text
  }

  /** Items of an owner in a segment with ids of a range that the index does not have, oldest first. All are newer than those it has. */
  unindexed(segment: number, owner: number, { low, high }: IdRange): readonly TailEntry[] {
    const entries = this.#tail.of(segment, owner)
    const first = Math.max(low, indexedUpTo(this.#progress, segment, owner) + 1)
    return entries.slice(placeOf(entries, first), placeOf(entries, high))
  }

  /** A query on the tables of a segment, which it calls `$log`, `$index` and `$stub`. Rows as arrays cost half of what objects do. */
  in(segment: number, sql: string, asArrays = false): StatementSync {
    const statements = this.#inSegments.get(segment) ?? new Map<string, StatementSync>()
    this.#inSegments.set(segment, statements)
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql.replaceAll(TABLE, `$1_${segment}`))
    statement.setReturnArrays(asArrays)
    statements.set(sql, statement)
    return statement
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql) ?? this.#db.prepare(sql)
    this.#statements.set(sql, known)
    return known
  }
}
