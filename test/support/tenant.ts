import type {
  Committed,
  Engine,
  HistoryPage,
  HistoryQuery,
  Operation,
  Row,
} from '../../src/storage/engine.ts'
import type { KeyRange, Page, PurgeQuery, TableKind } from '../../src/storage/types.ts'

/** One of many who share a back end without seeing each other: its owners have a prefix. So a test needs no place of its own. */
export class Tenant implements Engine {
  readonly #inner: Engine
  readonly #prefix: string

  /** `prefix`: none of another tenant may start with it. */
  constructor(inner: Engine, prefix: string) {
    this.#inner = inner
    this.#prefix = prefix
  }

  define(table: string, kind: TableKind): void {
    this.#inner.define(table, kind)
  }

  commit(operations: readonly Operation[]): Promise<Committed> {
    return this.#inner.commit(operations.map(one => ({ ...one, owner: this.#prefix + one.owner })))
  }

  swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    return this.#inner.swap(table, this.#prefix + owner, key, expected, json)
  }

  get(table: string, owner: string, key: string): Promise<string | undefined> {
    return this.#inner.get(table, this.#prefix + owner, key)
  }

  page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    return this.#inner.page(table, this.#prefix + owner, range, limit)
  }

  async owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    const found = await this.#inner.owners(table, this.#prefix + (after ?? ''), limit)
    const mine = found.filter(owner => owner.startsWith(this.#prefix))
    return mine.map(owner => owner.slice(this.#prefix.length))
  }

  history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#inner.history(archive, this.#prefix + owner, query)
  }

  purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    return this.#inner.purge(archive, this.#prefix + owner, query)
  }

  /** Of others, too: a test that is over needs nothing any more. */
  expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    return this.#inner.expire(archive, before, domain)
  }

  forget(owner: string): Promise<void> {
    return this.#inner.forget(this.#prefix + owner)
  }

  pressure(): Promise<void> | undefined {
    return this.#inner.pressure()
  }

  get waiting(): number {
    return this.#inner.waiting
  }

  backup(folder: string): Promise<void> {
    return this.#inner.backup(folder)
  }

  verify(): Promise<readonly string[]> {
    return this.#inner.verify()
  }

  settled(): Promise<void> {
    return this.#inner.settled()
  }

  /** What it shares with others stays open. */
  async close(): Promise<void> {
    await this.settled()
  }
}
