/** The part of a storage that all back ends share: addresses, checks, JSON, the order of compare-and-set. */
import { JID } from '../xml/jid.ts'
import {
  checkIds,
  checkKey,
  checkLimit,
  checkName,
  checkPayload,
  checkRange,
  encodeItem,
  mayBeKey,
} from './checks.ts'
import type { Engine, HistoryQuery, Operation } from './engine.ts'
import {
  type Append,
  type Archive,
  type ArchiveEntry,
  type ArchiveItem,
  type ArchivePage,
  type ArchiveQuery,
  type CasTable,
  type Entry,
  type Ephemeral,
  type KeyRange,
  type Page,
  type PurgeQuery,
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
  readonly #turns = new Turns()
  #closing: Promise<void> | undefined

  constructor(engine: Engine, ephemeral: Ephemeral, clock: WallClock) {
    this.#engine = engine
    this.#clock = clock
    this.ephemeral = ephemeral
  }

  table<T>(name: string, kind: 'lww'): Table<T>
  table<T>(name: string, kind: 'cas'): CasTable<T>
  table<T>(name: string, kind: TableKind): Table<T> | CasTable<T> {
    checkName(name)
    const known = this.#kinds.get(name)
    if (known !== undefined && known !== kind)
      throw new StorageError('invalid', `table ${name} is of kind ${known}`)
    this.#engine.define(name, kind)
    this.#kinds.set(name, kind)
    const engine = () => this.#open()
    if (kind === 'cas') return new FrontCasTable<T>(name, engine, this.#turns)
    return new FrontTable<T>(name, engine, this, this.#clock)
  }

  archive(name: string): Archive {
    checkName(name)
    return new FrontArchive(name, () => this.#open(), this)
  }

  async commit(writes: readonly Write[]): Promise<void> {
    const engine = this.#open()
    if (writes.length === 0) return
    const pending = writes.map(write => this.#own(write))
    for (const write of pending) if (write.fault !== undefined) throw write.fault
    for (const write of pending) write.spent = true
    const ids = await engine.commit(pending.map(write => write.operation!))
    let next = 0
    for (const write of pending) if (write instanceof PendingAppend) write.given = ids[next++]
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

  async forget(owner: JID): Promise<void> {
    await this.#open().forget(owner.bare.toString())
  }

  async settled(): Promise<void> {
    await this.#open().settled()
  }

  close(): Promise<void> {
    this.#closing ??= this.#engine.close()
    return this.#closing
  }
}

/** A write on its way to `commit`. What is wrong with it comes out there, so that it fails its commit and nothing else. */
class PendingWrite implements Write {
  readonly owner: JID
  readonly storage: Storage
  readonly operation: Operation | undefined
  readonly fault: StorageError | undefined
  spent = false

  constructor(storage: Storage, owner: JID, prepare: (owner: string) => Operation) {
    this.storage = storage
    this.owner = owner.bare
    try {
      this.operation = prepare(owner.bare.toString())
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.fault = error
    }
  }
}

class PendingAppend extends PendingWrite implements Append {
  given: bigint | undefined

  get id(): bigint {
    if (this.given === undefined)
      throw new StorageError('invalid', 'an id is known when its commit has resolved')
    return this.given
  }
}

class FrontReadableTable<T> {
  protected readonly name: string
  protected readonly engine: () => Engine

  constructor(name: string, engine: () => Engine) {
    this.name = name
    this.engine = engine
  }

  async get(owner: JID, key: string): Promise<T | undefined> {
    const engine = this.engine()
    if (!mayBeKey(key)) return undefined
    return decode<T>(await engine.get(this.name, owner.bare.toString(), key))
  }

  async page(owner: JID, range: KeyRange = {}, limit?: number): Promise<Page<Entry<T>>> {
    checkRange(range)
    const { items, more } = await this.engine().page(
      this.name,
      owner.bare.toString(),
      range,
      checkLimit(limit),
    )
    return { items: items.map(({ key, json }) => ({ key, item: JSON.parse(json) as T })), more }
  }

  async owners(after?: JID, limit?: number): Promise<JID[]> {
    const found = await this.engine().owners(this.name, after?.bare.toString(), checkLimit(limit))
    return found.map(owner => JID.parse(owner))
  }
}

class FrontTable<T> extends FrontReadableTable<T> implements Table<T> {
  readonly #storage: Storage
  readonly #clock: WallClock

  constructor(name: string, engine: () => Engine, storage: Storage, clock: WallClock) {
    super(name, engine)
    this.#storage = storage
    this.#clock = clock
  }

  put(owner: JID, key: string, item: T, ttl?: number): Write {
    return new PendingWrite(this.#storage, owner, text => {
      checkKey(key)
      return {
        kind: 'put',
        table: this.name,
        owner: text,
        key,
        json: encodeItem(item),
        expires: this.#expiry(ttl),
      }
    })
  }

  delete(owner: JID, key: string): Write {
    return new PendingWrite(this.#storage, owner, text => {
      checkKey(key)
      return { kind: 'delete', table: this.name, owner: text, key }
    })
  }

  #expiry(ttl: number | undefined): number | null {
    if (ttl === undefined) return null
    if (!(ttl > 0 && Number.isFinite(ttl)))
      throw new StorageError('invalid', 'a time to live is a positive number of ms')
    return Math.ceil(this.#clock.now() + ttl)
  }
}

class FrontCasTable<T> extends FrontReadableTable<T> implements CasTable<T> {
  readonly #turns: Turns

  constructor(name: string, engine: () => Engine, turns: Turns) {
    super(name, engine)
    this.#turns = turns
  }

  async update(
    owner: JID,
    key: string,
    change: (item: T | undefined) => T | undefined,
  ): Promise<T | undefined> {
    checkKey(key)
    const text = owner.bare.toString()
    // Rivals of this process wait for each other instead of trying in vain; rivals elsewhere are met by the comparison.
    return this.#turns.take(`${this.name}\0${text}\0${key}`, async () => {
      for (;;) {
        const before = await this.engine().get(this.name, text, key)
        const item = change(decode<T>(before))
        const after = item === undefined ? undefined : encodeItem(item)
        if (before === after || (await this.engine().swap(this.name, text, key, before, after))) return item
      }
    })
  }
}

class FrontArchive implements Archive {
  readonly #name: string
  readonly #engine: () => Engine
  readonly #storage: Storage

  constructor(name: string, engine: () => Engine, storage: Storage) {
    this.#name = name
    this.#engine = engine
    this.#storage = storage
  }

  append(owner: JID, item: ArchiveItem): Append {
    const { peer, payload } = item
    return new PendingAppend(this.#storage, owner, text => {
      checkPayload(payload)
      return { kind: 'append', archive: this.#name, owner: text, peer: peer.toString(), payload }
    })
  }

  async page(owner: JID, query: ArchiveQuery = {}): Promise<ArchivePage> {
    checkIds(query.ids)
    const { peer, ...rest } = query
    const limit = checkLimit(query.limit, 0)
    const asked: HistoryQuery = { ...rest, limit, ...(peer && { peer: peer.toString() }) }
    const page = await this.#engine().history(this.#name, owner.bare.toString(), asked)
    const items = page.items.map((row): ArchiveEntry => ({ ...row, peer: JID.parse(row.peer) }))
    return { ...page, items }
  }

  async purge(owner: JID, query: PurgeQuery = {}): Promise<void> {
    checkIds(query.ids)
    await this.#engine().purge(this.#name, owner.bare.toString(), query)
  }

  async expire(before: number): Promise<void> {
    await this.#engine().expire(this.#name, before)
  }
}

/** Lets tasks of the same key run one after another. */
class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  async take<R>(key: string, task: () => Promise<R>): Promise<R> {
    const before = this.#last.get(key)
    const turn = (async () => {
      await before?.catch(() => undefined)
      return task()
    })()
    this.#last.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
  }
}

function decode<T>(json: string | undefined): T | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as T)
}
