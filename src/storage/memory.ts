/** A storage that lives and dies with the process: for tests, and the yardstick for the others. */
import { compareKeys } from './checks.ts'
import type { Committed, Engine, HistoryPage, HistoryQuery, MovedRow, Operation, Row } from './engine.ts'
import { memoryEphemeral } from './ephemeral.ts'
import { storageOf } from './front.ts'
import { isFurther } from './marks.ts'
import { MemoryArchives } from './memory-archives.ts'
import { cut, Grid } from './memory-grid.ts'
import {
  type KeyRange,
  type Page,
  type PurgeQuery,
  type Storage,
  StorageError,
  type WallClock,
} from './types.ts'

/** Opens an empty storage in memory. */
export function memoryStorage(options: { clock: WallClock }): Storage {
  return storageOf(memoryEngine(options), memoryEphemeral(options.clock), options.clock)
}

/** The same without the part that all back ends share: for a process that has it on behalf of others (shared/). */
export function memoryEngine(options: { clock: WallClock }): Engine {
  return new MemoryEngine(options.clock)
}

interface Cell {
  readonly json: string
  readonly expires: number | null
}

class MemoryEngine implements Engine {
  readonly #clock: WallClock
  /** Table, owner, key. */
  readonly #tables = new Grid<Map<string, Cell>>(() => new Map())
  readonly #archives: MemoryArchives

  constructor(clock: WallClock) {
    this.#clock = clock
    this.#archives = new MemoryArchives(clock)
  }

  /** Nothing outlives the process, so there is nothing to compare with. */
  define(): void {}

  async commit(operations: readonly Operation[]): Promise<Committed> {
    // Not before the next turn: as with any other back end, what is committed is not visible at once.
    await undefined
    const appends = operations.filter(operation => operation.kind === 'append')
    const repeated = this.#archives.repeated(appends)
    if (repeated !== undefined) return { repeated: true, given: repeated }
    for (const operation of operations) {
      if (operation.kind === 'replace') this.#archives.replace(operation)
      else if (operation.kind !== 'append') this.#write(operation)
    }
    return { repeated: false, given: this.#archives.append(appends) }
  }

  #write(operation: Exclude<Operation, { kind: 'append' | 'replace' }>): void {
    const rows = this.#tables.at(operation.table, operation.owner)
    if (operation.kind === 'put') rows.set(operation.key, operation)
    else if (operation.kind === 'delete') for (const key of operation.keys) rows.delete(key)
    else if (isFurther(operation.json, rows.get(operation.key)?.json ?? ''))
      rows.set(operation.key, { json: operation.json, expires: null })
  }

  async swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    await undefined
    const rows = this.#tables.at(table, owner)
    if (rows.get(key)?.json !== expected) return false
    if (json === undefined) rows.delete(key)
    else rows.set(key, { json, expires: null })
    return true
  }

  async get(table: string, owner: string, key: string): Promise<string | undefined> {
    const cell = this.#tables.find(table, owner)?.get(key)
    return cell !== undefined && this.#alive(cell) ? cell.json : undefined
  }

  async page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    const rows: Row[] = []
    for (const [key, cell] of this.#tables.find(table, owner) ?? [])
      if (this.#alive(cell) && within(key, range))
        rows.push({ key, json: cell.json, ...(cell.expires !== null && { expires: cell.expires }) })
    rows.sort((a, b) => compareKeys(a.key, b.key))
    if (range.reverse) rows.reverse()
    return cut(rows, limit, row => Buffer.byteLength(row.json))
  }

  async owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    const owners: string[] = []
    for (const [owner, rows] of this.#tables.row(table))
      if (
        (after === undefined || compareKeys(owner, after) > 0) &&
        rows.values().some(cell => this.#alive(cell))
      )
        owners.push(owner)
    return owners.sort(compareKeys).slice(0, limit)
  }

  async history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#archives.history(archive, owner, query)
  }

  async restore(archive: string, owner: string, rows: readonly MovedRow[]): Promise<void> {
    await undefined
    this.#archives.restore(archive, owner, rows)
  }

  async purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    await undefined
    this.#archives.purge(archive, owner, query)
  }

  async expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    await undefined
    this.#archives.expire(archive, before, domain)
  }

  async forget(owner: string): Promise<void> {
    await undefined
    this.#tables.drop(owner)
    this.#archives.forget(owner)
  }

  /** Memory is always as fast as its caller. */
  pressure(): undefined {
    return undefined
  }

  /** Each is stored in the turn it was asked for. */
  get waiting(): number {
    return 0
  }

  async backup(): Promise<void> {
    throw new StorageError(
      'invalid',
      'what is in memory alone cannot be copied: set storage.kind to "sqlite"',
    )
  }

  async verify(): Promise<readonly string[]> {
    return []
  }

  async settled(): Promise<void> {}
  async close(): Promise<void> {}

  #alive(cell: Cell): boolean {
    return cell.expires === null || cell.expires > this.#clock.now()
  }
}

function within(key: string, range: KeyRange): boolean {
  if (range.after !== undefined && compareKeys(key, range.after) <= 0) return false
  if (range.before !== undefined && compareKeys(key, range.before) >= 0) return false
  return range.prefix === undefined || key.startsWith(range.prefix)
}
