import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { IdSequence } from '../archive-ids.ts'
import { DIGITS } from '../marks.ts'
import { transaction } from './database.ts'
import { concernsOneWrite, storageError, toPlain } from './errors.ts'
import type { Outcome, PackedAppend, PackedOperation } from './group-message.ts'
import { LogItems } from './log-items.ts'
import { type Appended, LogWriter } from './log-writer.ts'
import type { Names } from './names.ts'
import type { WriteBehind } from './write-behind.ts'

type Commit = readonly PackedOperation[]

/** What one transaction does beside its rows. */
interface Batch {
  /** The wall clock, ms since 1970. */
  readonly now: number
  /** For the index, once the transaction is committed. */
  readonly entries: Appended[]
}

/** Stores groups of commits, each group in one transaction. Lives in the writer. */
export class GroupWriter {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #behind: WriteBehind
  readonly #ids: IdSequence
  readonly #log: LogWriter
  readonly #items: LogItems
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #get: StatementSync
  readonly #raise: StatementSync

  constructor(db: DatabaseSync, names: Names, behind: WriteBehind) {
    this.#db = db
    this.#names = names
    this.#behind = behind
    this.#ids = new IdSequence(behind.last)
    this.#log = new LogWriter(db, names, this.#ids, behind)
    this.#items = new LogItems(db, names)
    this.#put = db.prepare(`INSERT INTO item VALUES(?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET json = excluded.json, expires = excluded.expires`)
    const digits = (json: string) => `substr(${json}, ${DIGITS.start + 1}, ${DIGITS.count})`
    this.#raise = db.prepare(`INSERT INTO item VALUES(?, ?, ?, ?, NULL)
      ON CONFLICT DO UPDATE SET json = excluded.json WHERE ${digits('excluded.json')} > ${digits('item.json')}`)
    this.#delete = db.prepare('DELETE FROM item WHERE table_id = ? AND owner = ? AND key = ?')
    this.#get = db.prepare('SELECT json FROM item WHERE table_id = ? AND owner = ? AND key = ?')
  }

  /** Stores commits in their order; what became of each. What is stored is durable when this returns. */
  write(commits: readonly Commit[], now: number): Outcome[] {
    try {
      return this.#store(now, batch => commits.map(commit => this.#apply(commit, batch)))
    } catch (error) {
      const reason = storageError(error)
      if (commits.length === 1 || !concernsOneWrite(reason)) return failed(commits, reason)
    }
    // One of them can't be stored. Once more, and it will fail alone.
    try {
      return this.#store(now, batch => commits.map(commit => this.#applyApart(commit, batch)))
    } catch (error) {
      return failed(commits, error)
    }
  }

  #store(now: number, task: (batch: Batch) => Outcome[]): Outcome[] {
    const batch: Batch = { now, entries: [] }
    const last = this.#ids.last
    try {
      const outcomes = transaction(this.#db, () => task(batch))
      for (const entry of batch.entries) this.#behind.add(entry)
      return outcomes
    } catch (error) {
      this.#undo(last, batch.entries)
      throw error
    }
  }

  #apply(commit: Commit, batch: Batch): Outcome {
    const appends = commit.filter(operation => operation.kind === 'append')
    const first = this.#firstCopy(appends, batch.now)
    if (first !== undefined)
      return { given: this.#items.givenBy(first, appends), repeated: true, swapped: true }
    let swapped = true
    for (const operation of commit) {
      if (operation.kind === 'swap') swapped = this.#applySwap(operation)
      else if (operation.kind === 'replace') this.#items.replace(operation)
      else if (operation.kind !== 'append') this.#applyRow(operation)
    }
    const given = appends.length === 0 ? [] : this.#log.append(appends, batch.now, batch.entries)
    return { given, repeated: false, swapped }
  }

  /** The id of an item that must not be there if these appends are to be stored. */
  #firstCopy(appends: readonly PackedAppend[], now: number): number | undefined {
    for (const { owner, unless } of appends) {
      if (unless.length === 0) continue
      const number = this.#names.address(owner)
      for (const key of unless) {
        const id = this.#behind.keys.find(number, key, now)
        if (id !== undefined) return id
      }
    }
    return undefined
  }

  #applyApart(commit: Commit, batch: Batch): Outcome {
    const last = this.#ids.last
    const count = batch.entries.length
    this.#db.exec('SAVEPOINT apart')
    try {
      const outcome = this.#apply(commit, batch)
      this.#db.exec('RELEASE apart')
      return outcome
    } catch (error) {
      const reason = storageError(error)
      if (!concernsOneWrite(reason)) throw reason
      this.#db.exec('ROLLBACK TO apart; RELEASE apart')
      this.#undo(last, batch.entries.splice(count))
      return { error: toPlain(reason) }
    }
  }

  #applyRow(operation: Extract<PackedOperation, { kind: 'put' | 'delete' | 'raise' }>): void {
    const { owner } = operation
    if (operation.kind === 'delete') {
      const table = this.#names.table(operation.table, operation.of)
      for (const key of operation.keys) this.#delete.run(table, owner, key)
    } else if (operation.kind === 'raise')
      this.#raise.run(this.#names.table(operation.table, 'mark'), owner, operation.key, operation.json)
    else {
      const table = this.#names.table(operation.table, 'lww')
      this.#put.run(table, owner, operation.key, operation.json, operation.expires)
    }
  }

  #applySwap({
    table: name,
    owner,
    key,
    expected,
    json,
  }: Extract<PackedOperation, { kind: 'swap' }>): boolean {
    const table = this.#names.table(name, 'cas')
    if (this.#get.get(table, owner, key)?.json !== expected) return false
    if (json === undefined) this.#delete.run(table, owner, key)
    else this.#put.run(table, owner, key, json, null)
    return true
  }

  /** Forgets what a rollback took back: these entries; `last` is the greatest id before it. */
  #undo(last: number, entries: readonly Appended[]): void {
    this.#log.undo(entries)
    this.#ids.rewind(last)
    this.reset()
  }

  /** An item with this id has come from another storage: the next one is greater. */
  passed(id: number): void {
    this.#ids.passed(id)
  }

  /** Segments were dropped, or rows rolled back: whatever was remembered of them may be wrong. */
  reset(): void {
    this.#names.reset()
    this.#log.reset()
    this.#items.reset()
  }
}

function failed(commits: readonly Commit[], error: unknown): Outcome[] {
  return commits.map(() => ({ error: toPlain(error) }))
}
