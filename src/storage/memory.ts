/** A storage that lives and dies with the process: for tests, and the yardstick for the others. */
import { firstIdAt, type IdRange, IdSequence, idRange, timeOf, timeRange } from './archive-ids.ts'
import { compareKeys, MAX_PAGE_BYTES } from './checks.ts'
import type { ArchivedRow, Engine, HistoryPage, HistoryQuery, Operation, Row } from './engine.ts'
import { memoryEphemeral } from './ephemeral.ts'
import { storageOf } from './front.ts'
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
  return storageOf(new MemoryEngine(options.clock), memoryEphemeral(options.clock), options.clock)
}

interface Cell {
  readonly json: string
  readonly expires: number | null
}

class MemoryEngine implements Engine {
  readonly #clock: WallClock
  /** Table, owner, key. */
  readonly #tables = new Grid<Map<string, Cell>>(() => new Map())
  /** Archive, owner; ids ascending. */
  readonly #archives = new Grid<ArchivedRow[]>(() => [])
  readonly #ids = new IdSequence(0)

  constructor(clock: WallClock) {
    this.#clock = clock
  }

  /** Nothing outlives the process, so there is nothing to compare with. */
  define(): void {}

  async commit(operations: readonly Operation[]): Promise<readonly bigint[]> {
    // Not before the next turn: as with any other back end, what is committed is not visible at once.
    await undefined
    const ids: bigint[] = []
    const shared = new Map<Uint8Array, bigint>()
    for (const operation of operations) {
      if (operation.kind === 'append') ids.push(this.#append(operation, shared))
      else this.#write(operation)
    }
    return ids
  }

  #write(operation: Exclude<Operation, { kind: 'append' }>): void {
    const rows = this.#tables.at(operation.table, operation.owner)
    if (operation.kind === 'put') rows.set(operation.key, operation)
    else for (const key of operation.keys) rows.delete(key)
  }

  #append(operation: Extract<Operation, { kind: 'append' }>, shared: Map<Uint8Array, bigint>): bigint {
    const { payload, peer } = operation
    const rows = this.#archives.at(operation.archive, operation.owner)
    const known = shared.get(payload)
    // Both sides of a message to oneself are one item.
    if (known !== undefined && rows.at(-1)?.id === known) return known
    const id = known ?? BigInt(this.#ids.next(this.#clock.now()))
    shared.set(payload, id)
    rows.push({ id, time: timeOf(Number(id)), peer, payload: Uint8Array.from(payload) })
    return id
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
      if (this.#alive(cell) && within(key, range)) rows.push({ key, json: cell.json })
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
    const all = this.#archives.find(archive, owner) ?? []
    const wanted = query.ids && new Set(query.ids)
    const matches = (row: ArchivedRow, range: IdRange) =>
      row.id >= range.low &&
      row.id < range.high &&
      (query.peer === undefined || row.peer === query.peer) &&
      (wanted === undefined || wanted.has(row.id))
    const found = all.filter(row => matches(row, idRange(query)))
    if (query.reverse) found.reverse()
    const page = cut(found, query.limit, row => row.payload.byteLength)
    return query.count ? { ...page, total: all.filter(row => matches(row, timeRange(query))).length } : page
  }

  async purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    await undefined
    const end = query.before === undefined ? Number.MAX_SAFE_INTEGER : firstIdAt(query.before)
    const stays = (row: ArchivedRow) =>
      row.id >= end || (query.ids !== undefined && !query.ids.includes(row.id))
    this.#archives.keep(archive, owner, rows => rows.filter(stays))
  }

  async expire(archive: string, before: number): Promise<void> {
    await undefined
    const day = new Date(before)
    const end = firstIdAt(Date.UTC(day.getUTCFullYear(), day.getUTCMonth()))
    for (const owner of [...this.#archives.row(archive).keys()])
      this.#archives.keep(archive, owner, rows => rows.filter(row => row.id >= end))
  }

  async forget(owner: string): Promise<void> {
    await undefined
    this.#tables.drop(owner)
    this.#archives.drop(owner)
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

/** Something per table or archive and owner. */
class Grid<V> {
  readonly #rows = new Map<string, Map<string, V>>()
  readonly #empty: () => V

  constructor(empty: () => V) {
    this.#empty = empty
  }

  row(name: string): Map<string, V> {
    const row = this.#rows.get(name) ?? new Map<string, V>()
    this.#rows.set(name, row)
    return row
  }

  find(name: string, owner: string): V | undefined {
    return this.#rows.get(name)?.get(owner)
  }

  at(name: string, owner: string): V {
    const row = this.row(name)
    const value = row.get(owner) ?? this.#empty()
    row.set(owner, value)
    return value
  }

  keep(name: string, owner: string, change: (value: V) => V): void {
    const value = this.find(name, owner)
    if (value !== undefined) this.row(name).set(owner, change(value))
  }

  drop(owner: string): void {
    for (const row of this.#rows.values()) row.delete(owner)
  }
}

function within(key: string, range: KeyRange): boolean {
  if (range.after !== undefined && compareKeys(key, range.after) <= 0) return false
  if (range.before !== undefined && compareKeys(key, range.before) >= 0) return false
  return range.prefix === undefined || key.startsWith(range.prefix)
}

/** The first rows, up to a number of them and up to a number of bytes. */
function cut<R>(rows: readonly R[], limit: number, bytesOf: (row: R) => number): Page<R> {
  let bytes = 0
  let end = 0
  while (end < Math.min(limit, rows.length) && bytes < MAX_PAGE_BYTES) bytes += bytesOf(rows[end++]!)
  return { items: rows.slice(0, end), more: end < rows.length }
}
