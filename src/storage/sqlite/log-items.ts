import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { PackedAppend, PackedReplace } from './group-message.ts'
import { FLAG, type LogRow } from './log-rows.ts'
import type { Names } from './names.ts'
import { Segments } from './segments.ts'

interface Statements {
  readonly find: StatementSync
  readonly flag1: StatementSync
  readonly flag2: StatementSync
  readonly stub: StatementSync
  readonly wipe: StatementSync
}

/**
 * Empties the payload of a row that nobody sees any more: each of its owners is erased, or has a stub. It keeps its size, so SQLite
 * overwrites the bytes where they lie (erase.ts).
 */
export function wipeUnseen(segment: number): string {
  return `UPDATE log_${segment} SET payload = zeroblob(length(payload)) WHERE id = ?
    AND (owner1 < 2 OR flags & ${FLAG.stub1}) AND (owner2 < 2 OR flags & ${FLAG.stub2})`
}

/** Single items of the log, by their id: looks at them and puts tombstones in their place. Lives in the writer; all calls are inside a transaction. */
export class LogItems {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #segments: Segments
  readonly #statements = new Map<number, Statements>()

  constructor(db: DatabaseSync, names: Names) {
    this.#db = db
    this.#names = names
    this.#segments = new Segments(db)
  }

  /** What the first copy, an item with this id, has for each of these appends: id, sequence, unread. */
  givenBy(id: number, appends: readonly PackedAppend[]): number[] {
    return appends.flatMap(append => {
      const statements = this.#of(append.archive, id)
      const row = statements?.find.get(id) as LogRow | undefined
      const owner = this.#names.findAddress(append.owner)
      if (row !== undefined && row.owner1 === owner) return [id, row.sequence1, row.unread1]
      if (row !== undefined && row.owner2 === owner) return [id, row.sequence2, row.unread2]
      return [id, 0, 0]
    })
  }

  /** Puts a tombstone in the place of what an owner has, if it has it. */
  replace({ owner, archive, id, payload }: PackedReplace): void {
    const statements = this.#of(archive, id)
    const number = this.#names.findAddress(owner)
    if (statements === undefined || number === undefined) return
    const { flag1, flag2, stub, wipe } = statements
    const found = Number(flag1.run(id, number).changes) + Number(flag2.run(id, number).changes)
    if (found === 0) return
    stub.run(number, id, payload)
    wipe.run(id)
  }

  #of(archive: string, id: number): Statements | undefined {
    const number = this.#names.findArchive(archive)
    const segment = number === undefined ? undefined : this.#segments.of(number, id)
    if (segment === undefined) return undefined
    const known = this.#statements.get(segment.id) ?? this.#prepare(segment.id)
    this.#statements.set(segment.id, known)
    return known
  }

  #prepare(segment: number): Statements {
    const flag = (side: 1 | 2) => `UPDATE log_${segment} SET flags = flags | ${FLAG[`stub${side}`]}
      WHERE id = ? AND owner${side} = ?`
    return {
      find: this.#db.prepare(
        `SELECT owner1, sequence1, unread1, owner2, sequence2, unread2 FROM log_${segment} WHERE id = ?`,
      ),
      flag1: this.#db.prepare(flag(1)),
      flag2: this.#db.prepare(flag(2)),
      stub: this.#db.prepare(`INSERT OR REPLACE INTO stub_${segment} VALUES(?, ?, ?)`),
      wipe: this.#db.prepare(wipeUnseen(segment)),
    }
  }

  /** After a rollback, or when segments were dropped. */
  reset(): void {
    this.#statements.clear()
  }
}
