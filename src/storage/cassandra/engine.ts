import type { Committed, Engine, HistoryPage, HistoryQuery, MovedRow, Operation, Row } from '../engine.ts'
import {
  type Fence,
  type KeyRange,
  type Page,
  type PurgeQuery,
  StorageError,
  type TableKind,
  type WallClock,
} from '../types.ts'
import { Archives } from './archives.ts'
import type { Connection } from './connection.ts'
import { casLane, Eraser } from './erase.ts'
import type { GroupParts } from './group.ts'
import { storeGroup } from './groups.ts'
import { Histories } from './history.ts'
import { Kinds } from './kinds.ts'
import { KnownMarks } from './known-marks.ts'
import { Lanes } from './lanes.ts'
import type { LoneHolder } from './lone-holder.ts'
import { Owners } from './owners.ts'
import { restoreItems } from './restore.ts'
import type { Slots } from './slots.ts'
import { Tables } from './tables.ts'
import { findDamage } from './verify.ts'

/** What the back end stands on. */
export interface CassandraParts {
  readonly connection: Connection
  readonly slots: Slots
  /** Holds all slots, where no cluster says which. */
  readonly holder: LoneHolder | undefined
  readonly clock: WallClock
}

/** The back end of a keyspace. */
export class CassandraEngine implements Engine {
  readonly fence: Fence
  readonly #connection: Connection
  readonly #holder: LoneHolder | undefined
  readonly #parts: GroupParts
  readonly #kinds: Kinds
  readonly #owners: Owners
  readonly #archives: Archives
  readonly #lanes: Lanes
  readonly #tables: Tables
  readonly #histories: Histories
  readonly #eraser: Eraser

  constructor({ connection, slots, holder, clock }: CassandraParts) {
    this.fence = slots
    this.#connection = connection
    this.#holder = holder
    const kinds = new Kinds(connection)
    const owners = new Owners(connection, slots)
    const archives = new Archives(connection, slots, clock)
    const marks = new KnownMarks(connection)
    const parts = { connection, slots, kinds, owners, archives, marks, clock }
    const lanes = new Lanes(commits => storeGroup(parts, commits))
    const tables = new Tables(parts)
    this.#parts = parts
    this.#kinds = kinds
    this.#owners = owners
    this.#archives = archives
    this.#lanes = lanes
    this.#tables = tables
    this.#histories = new Histories(connection, archives)
    this.#eraser = new Eraser({ ...parts, lanes, tables })
  }

  /** Reads what has to be known before anything else. */
  open(): Promise<void> {
    return this.#kinds.open()
  }

  define(table: string, kind: TableKind): void {
    this.#kinds.define(table, kind)
  }

  commit(operations: readonly Operation[]): Promise<Committed> {
    for (const operation of operations)
      if (operation.kind === 'append') this.#kinds.define(operation.archive, 'archive')
    return this.#lanes.commit(operations)
  }

  swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    return this.#lanes.run([casLane(owner)], () => this.#tables.swap(table, owner, key, expected, json))
  }

  get(table: string, owner: string, key: string): Promise<string | undefined> {
    return this.#tables.get(table, owner, key)
  }

  page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    return this.#tables.page(table, owner, range, limit)
  }

  owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    return this.#tables.owners(table, after, limit)
  }

  history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#histories.page(archive, owner, query)
  }

  purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    return this.#eraser.purge(archive, owner, query)
  }

  expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    return this.#eraser.expire(archive, before, domain)
  }

  forget(owner: string): Promise<void> {
    return this.#eraser.forget(owner)
  }

  restore(archive: string, owner: string, rows: readonly MovedRow[]): Promise<void> {
    this.#kinds.define(archive, 'archive')
    return this.#lanes.run([owner], () => restoreItems(this.#parts, archive, owner, rows))
  }

  get kinds(): ReadonlyMap<string, TableKind> {
    return this.#kinds.tables
  }

  pressure(): Promise<void> | undefined {
    return this.#lanes.pressure()
  }

  get waiting(): number {
    return this.#lanes.waiting
  }

  async backup(): Promise<void> {
    throw new StorageError(
      'invalid',
      'what is in Cassandra is not copied by this program: take snapshots on its nodes with "nodetool snapshot"',
    )
  }

  verify(): Promise<readonly string[]> {
    return findDamage(this.#connection, this.#kinds, this.#owners, this.#archives)
  }

  async settled(): Promise<void> {
    await this.#lanes.idle()
    await this.#archives.settled()
  }

  async close(): Promise<void> {
    this.#eraser.close()
    await this.settled()
    await this.#holder?.close().catch(() => undefined)
    await this.#connection.close()
  }
}
