import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { IdSequence } from '../archive-ids.ts'
import type { Operation } from '../engine.ts'
import type { Names } from './names.ts'
import { Segments } from './segments.ts'

/** An append of a commit. */
export type AppendOperation = Extract<Operation, { kind: 'append' }>

/** A row that was added to the log, for the index. */
export interface NewEntry {
  readonly segment: number
  readonly owner: number
  readonly id: number
  readonly peer: number
}

/** A row about to be written: one payload for up to two owners. */
interface OpenRow {
  readonly id: number
  readonly owners: { owner: number; peer: number }[]
  readonly payload: Uint8Array
}

/** Nobody: address 1 is the empty text. */
const NOBODY = { owner: 1, peer: 1 }

/** Adds rows to the archive log. Lives in the writer; all calls are inside a transaction. */
export class LogWriter {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #ids: IdSequence
  readonly #segments: Segments
  readonly #inserts = new Map<number, StatementSync>()

  constructor(db: DatabaseSync, names: Names, ids: IdSequence) {
    this.#db = db
    this.#names = names
    this.#ids = ids
    this.#segments = new Segments(db)
  }

  /** Writes the appends of one commit; adds to `entries` what the index must learn. Returns their ids in their order. */
  append(operations: readonly AppendOperation[], now: number, entries: NewEntry[]): number[] {
    const archives = new Map<string, Map<Uint8Array, OpenRow>>()
    const ids: number[] = []
    for (const operation of operations) {
      const rows = archives.get(operation.archive) ?? new Map<Uint8Array, OpenRow>()
      archives.set(operation.archive, rows)
      const open = rows.get(operation.payload)
      const row = this.#join(open, operation) ?? this.#start(operation, now)
      if (row !== open && open !== undefined) this.#write(operation.archive, open, entries)
      rows.set(operation.payload, row)
      ids.push(row.id)
    }
    for (const [archive, rows] of archives)
      for (const row of rows.values()) this.#write(archive, row, entries)
    return ids
  }

  /** Adds an owner to the row of the same payload. Both sides of a message to oneself are one item. */
  #join(row: OpenRow | undefined, operation: AppendOperation): OpenRow | undefined {
    if (row === undefined) return undefined
    const owner = this.#names.address(operation.owner)
    if (row.owners.some(known => known.owner === owner)) return row
    if (row.owners.length === 2) return undefined
    row.owners.push({ owner, peer: this.#names.address(operation.peer) })
    return row
  }

  #start({ owner, peer, payload }: AppendOperation, now: number): OpenRow {
    const first = { owner: this.#names.address(owner), peer: this.#names.address(peer) }
    return { id: this.#ids.next(now), owners: [first], payload }
  }

  #write(archive: string, { id, owners, payload }: OpenRow, entries: NewEntry[]): void {
    const [first, second = NOBODY] = owners
    const segment = this.#segments.for(this.#names.archive(archive), id)
    this.#insert(segment.id).run(id, first!.owner, first!.peer, second.owner, second.peer, payload)
    for (const { owner, peer } of owners) entries.push({ segment: segment.id, owner, id, peer })
  }

  #insert(segment: number): StatementSync {
    const known = this.#inserts.get(segment)
    if (known !== undefined) return known
    const insert = this.#db.prepare(`INSERT INTO log_${segment} VALUES(?, ?, ?, ?, ?, ?)`)
    this.#inserts.set(segment, insert)
    return insert
  }

  /** After a rollback, or when segments were dropped. */
  reset(): void {
    this.#inserts.clear()
    this.#segments.reset()
  }
}
