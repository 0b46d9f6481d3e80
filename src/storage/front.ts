/** The part of a storage that all back ends share: addresses, checks, JSON, the order of compare-and-set. */
import type { JID } from '../xml/jid.ts'
import { checkName } from './checks.ts'
import type { Committed, Engine } from './engine.ts'
import { FrontArchive } from './front-archive.ts'
import { FrontMarkTable } from './front-mark-table.ts'
import { FrontCasTable, FrontTable, Turns } from './front-table.ts'
import { PendingAppend, PendingWrite } from './pending-write.ts'
import {
  type Archive,
  type CasTable,
  type Ephemeral,
  type Fence,
  type MarkTable,
  type Storage,
  StorageError,
  type Table,
  type TableKind,
  type WallClock,
  type Write,
} from './types.ts'

/** Makes a storage of a back end. `clock` decides when rows with a time to live are gone. */
export function storageOf(engine: Engine, ephemeral: Ephemeral, clock: WallClock): Storage {
  return new FrontStorage(engine, ephemeral, clock)
}

class FrontStorage implements Storage {
  readonly ephemeral: Ephemeral
  readonly #engine: Engine
  readonly #clock: WallClock
  readonly #kinds = new Map<string, TableKind>()
  readonly #archives = new Set<string>()
  readonly #turns = new Turns()
  #closing: Promise<void> | undefined

  constructor(engine: Engine, ephemeral: Ephemeral, clock: WallClock) {
    this.#engine = engine
    this.#clock = clock
    this.ephemeral = ephemeral
  }

  table<T>(name: string, kind: 'lww'): Table<T>
  table<T>(name: string, kind: 'cas'): CasTable<T>
  table(name: string, kind: 'mark'): MarkTable
  table<T>(name: string, kind: TableKind): Table<T> | CasTable<T> | MarkTable {
    checkName(name)
    const known = this.#kinds.get(name)
    if (known !== undefined && known !== kind)
      throw new StorageError('invalid', `table ${name} is of kind ${known}`)
    if (this.#archives.has(name)) throw new StorageError('invalid', `${name} is an archive`)
    this.#engine.define(name, kind)
    this.#kinds.set(name, kind)
    const engine = () => this.#open()
    if (kind === 'cas') return new FrontCasTable<T>(name, engine, this.#turns)
    if (kind === 'mark') return new FrontMarkTable(name, engine, this)
    return new FrontTable<T>(name, engine, this, this.#clock)
  }

  archive(name: string): Archive {
    checkName(name)
    // Where there is one list of names, one name stands for one thing.
    if (this.#kinds.has(name)) throw new StorageError('invalid', `${name} is a table`)
    this.#archives.add(name)
    return new FrontArchive(name, () => this.#open(), this)
  }

  tables(): ReadonlyMap<string, TableKind> {
    return new Map([...(this.#open().kinds ?? []), ...this.#kinds])
  }

  // Not `async`, and one promise: what a message waits in is copied by the collector as long as it waits.
  commit(writes: readonly Write[]): Promise<void> {
    try {
      const engine = this.#open()
      if (writes.length === 0) return Promise.resolve()
      const pending = this.#take(writes)
      return engine
        .commit(pending.map(write => write.operation!))
        .then(committed => tellAppends(pending, committed))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Checks writes, and spends them. */
  #take(writes: readonly Write[]): PendingWrite[] {
    const pending = writes.map(write => this.#own(write))
    for (const write of pending) if (write.fault !== undefined) throw write.fault
    for (const write of pending) write.spent = true
    return pending
  }

  #own(write: Write): PendingWrite {
    if (!(write instanceof PendingWrite) || write.storage !== this)
      throw new StorageError('invalid', 'the write was not made by this storage')
    if (write.spent) throw new StorageError('invalid', 'the write was committed before')
    return write
  }

  #open(): Engine {
    if (this.#closing !== undefined) throw new StorageError('closed', 'the storage is closed')
    return this.#engine
  }

  pressure(): Promise<void> | undefined {
    return this.#engine.pressure()
  }

  get fence(): Fence | undefined {
    return this.#engine.fence
  }

  get waiting(): number {
    return this.#engine.waiting
  }

  async backup(folder: string): Promise<void> {
    await this.#open().backup(folder)
  }

  async verify(): Promise<readonly string[]> {
    return this.#open().verify()
  }

  async forget(owner: JID): Promise<void> {
    await this.#open().forget(owner.bare.toString())
  }

  async settled(): Promise<void> {
    await this.#open().settled()
  }

  close(): Promise<void> {
    this.#closing ??= this.#engine.close().finally(() => this.ephemeral.close?.())
    return this.#closing
  }
}

function tellAppends(writes: readonly PendingWrite[], { repeated, given }: Committed): void {
  let next = 0
  for (const write of writes) if (write instanceof PendingAppend) write.resolve(given[next++]!, repeated)
}
