import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { IdSequence } from '../archive-ids.ts'
import { transaction } from './database.ts'
import { concernsOneWrite, storageError, toPlain } from './errors.ts'
import type { Outcome, WriterOperation } from './group-message.ts'
import { type AppendOperation, LogWriter, type NewEntry } from './log-writer.ts'
import type { Names } from './names.ts'
import type { WriteBehind } from './write-behind.ts'

type Commit = readonly WriterOperation[]

/** What one transaction does beside its rows. */
interface Batch {
  /** The wall clock, ms since 1970. */
  readonly now: number
  /** For the index, once the transaction is committed. */
  readonly entries: NewEntry[]
}

/** Stores groups of commits, each group in one transaction. Lives in the writer. */
export class GroupWriter {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #behind: WriteBehind
  readonly #ids: IdSequence
  readonly #log: LogWriter
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #get: StatementSync

  constructor(db: DatabaseSync, names: Names, behind: WriteBehind) {
    this.#db = db
    this.#names = names
    this.#behind = behind
    this.#ids = new IdSequence(behind.last)
    this.#log = new LogWriter(db, names, this.#ids)
    this.#put = db.prepare(`INSERT INTO item VALUES(?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET json = excluded.json, expires = excluded.expires`)
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
      for (const { segment, owner, id, peer } of batch.entries) this.#behind.add(segment, owner, id, peer)
      return outcomes
    } catch (error) {
      this.#undo(last)
      throw error
    }
  }

  #apply(commit: Commit, batch: Batch): Outcome {
    const appends: AppendOperation[] = []
    let swapped = true
    for (const operation of commit) {
      if (operation.kind === 'append') appends.push(operation)
      else if (operation.kind === 'swap') swapped = this.#applySwap(operation)
      else this.#applyRow(operation)
    }
    const ids = appends.length === 0 ? [] : this.#log.append(appends, batch.now, batch.entries)
    return { ids, swapped }
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
      batch.entries.length = count
      this.#undo(last)
      return { error: toPlain(reason) }
    }
  }

  #applyRow(operation: Extract<WriterOperation, { kind: 'put' | 'delete' }>): void {
    const { owner } = operation
    const table = this.#names.table(operation.table, 'lww')
    if (operation.kind === 'put')
      this.#put.run(table, owner, operation.key, operation.json, operation.expires)
    else for (const key of operation.keys) this.#delete.run(table, owner, key)
  }

  #applySwap({
    table: name,
    owner,
    key,
    expected,
    json,
  }: Extract<WriterOperation, { kind: 'swap' }>): boolean {
    const table = this.#names.table(name, 'cas')
    if (this.#get.get(table, owner, key)?.json !== expected) return false
    if (json === undefined) this.#delete.run(table, owner, key)
    else this.#put.run(table, owner, key, json, null)
    return true
  }

  /** Forgets what a rollback took back; `last` is the greatest id before it. */
  #undo(last: number): void {
    this.#ids.rewind(last)
    this.reset()
  }

  /** Segments were dropped, or rows rolled back: whatever was remembered of them may be wrong. */
  reset(): void {
    this.#names.reset()
    this.#log.reset()
  }
}

function failed(commits: readonly Commit[], error: unknown): Outcome[] {
  return commits.map(() => ({ error: toPlain(error) }))
}
