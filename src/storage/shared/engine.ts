import type { Committed, Engine, HistoryPage, HistoryQuery, MovedRow, Operation, Row } from '../engine.ts'
import {
  type Ephemeral,
  type KeyRange,
  type Page,
  type PurgeQuery,
  StorageError,
  type TableKind,
} from '../types.ts'
import type { StorageLink } from './link.ts'
import { readHistory, readRows } from './page-cells.ts'
import { toText } from './plain.ts'

/** The engine of the storage process. */
export class SharedEngine implements Engine {
  readonly #link: StorageLink
  readonly kinds: Map<string, TableKind>

  /** `kinds`: the tables that the storage process knows. */
  constructor(link: StorageLink, kinds: Readonly<Record<string, TableKind>>) {
    this.#link = link
    this.kinds = new Map(Object.entries(kinds))
  }

  define(table: string, kind: TableKind): void {
    const known = this.kinds.get(table)
    if (known !== undefined && known !== kind)
      throw new StorageError('invalid', `table ${table} is stored as one of kind ${known}`)
    if (known !== undefined) return
    this.kinds.set(table, kind)
    // Another client may have made it one of another kind just now, which no program does: nothing would be right any more.
    this.#link.call('define', table, kind).catch((error: StorageError) => this.#link.fail(error))
  }

  commit(operations: readonly Operation[]): Promise<Committed> {
    return this.#link.commit(operations)
  }

  swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    const asked = [table, owner, key, expected ?? null, json ?? null]
    return this.#link.ask('swap', asked, cells => cells.number() === 1)
  }

  get(table: string, owner: string, key: string): Promise<string | undefined> {
    return this.#link.ask('get', [table, owner, key], cells => cells.optional<string>())
  }

  page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    return this.#link.ask('page', [table, owner, limit, toText(range)], readRows)
  }

  owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    return this.#link.call('owners', table, after, limit)
  }

  history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#link.ask('history', [archive, owner, toText(query)], readHistory)
  }

  async restore(archive: string, owner: string, rows: readonly MovedRow[]): Promise<void> {
    await this.#link.call('restore', archive, owner, rows)
  }

  async purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    await this.#link.call('purge', archive, owner, query)
  }

  async expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    await this.#link.call('expire', archive, before, domain)
  }

  async forget(owner: string): Promise<void> {
    await this.#link.call('forget', owner)
  }

  pressure(): Promise<void> | undefined {
    return this.#link.pressure()
  }

  get waiting(): number {
    return this.#link.waiting
  }

  async backup(folder: string): Promise<void> {
    await this.#link.call('backup', folder)
  }

  verify(): Promise<readonly string[]> {
    return this.#link.call('verify')
  }

  async settled(): Promise<void> {
    await this.#link.call('settled')
  }

  close(): Promise<void> {
    return this.#link.close()
  }
}

/** The short-lived values of the storage process. */
export class SharedEphemeral implements Ephemeral {
  /** All end with the storage process. */
  readonly lasting = false
  readonly #link: StorageLink

  constructor(link: StorageLink) {
    this.#link = link
  }

  take(key: string, limit: number, perMs: number): Promise<boolean> {
    return this.#link.ask('take', [key, limit, perMs], cells => cells.number() === 1)
  }

  async set(values: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    await this.#link.call('setValues', [...values], ttlMs)
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#link.call('getValue', key)) ?? undefined
  }
}
