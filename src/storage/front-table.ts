import { JID } from '../xml/jid.ts'
import { checkKey, checkLimit, checkRange, encodeItem, mayBeKey } from './checks.ts'
import type { Engine, Row } from './engine.ts'
import { PendingWrite } from './pending-write.ts'
import {
  type CasTable,
  type Entry,
  type KeyRange,
  type Page,
  type ReadableTable,
  type Storage,
  StorageError,
  type Table,
  type WallClock,
  type Write,
} from './types.ts'

/** A table as far as it is read. */
export class FrontReadableTable<T> implements ReadableTable<T> {
  protected readonly name: string
  protected readonly engine: () => Engine
  readonly #parse: (json: string) => T

  /** `parse` makes an item of its JSON text. */
  constructor(name: string, engine: () => Engine, parse: (json: string) => T = JSON.parse) {
    this.name = name
    this.engine = engine
    this.#parse = parse
  }

  async get(owner: JID, key: string): Promise<T | undefined> {
    const engine = this.engine()
    if (!mayBeKey(key)) return undefined
    const json = await engine.get(this.name, owner.bare.toString(), key)
    return json === undefined ? undefined : this.#parse(json)
  }

  async page(owner: JID, range: KeyRange = {}, limit?: number): Promise<Page<Entry<T>>> {
    checkRange(range)
    const { items, more } = await this.engine().page(
      this.name,
      owner.bare.toString(),
      range,
      checkLimit(limit),
    )
    return { items: items.map(row => this.#entry(row)), more }
  }

  #entry({ key, json, expires }: Row): Entry<T> {
    const item = this.#parse(json)
    return expires === undefined ? { key, item } : { key, item, expires }
  }

  async owners(after?: JID, limit?: number): Promise<JID[]> {
    const found = await this.engine().owners(this.name, after?.bare.toString(), checkLimit(limit))
    return found.map(owner => JID.parse(owner))
  }
}

/** A table of kind `lww`. */
export class FrontTable<T> extends FrontReadableTable<T> implements Table<T> {
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

  delete(owner: JID, ...keys: string[]): Write {
    return new PendingWrite(this.#storage, owner, text => {
      for (const key of keys) checkKey(key)
      return { kind: 'delete', of: 'lww', table: this.name, owner: text, keys }
    })
  }

  #expiry(ttl: number | undefined): number | null {
    if (ttl === undefined) return null
    if (!(ttl > 0 && Number.isFinite(ttl)))
      throw new StorageError('invalid', 'a time to live is a positive number of ms')
    return Math.ceil(this.#clock.now() + ttl)
  }
}

/** A table of kind `cas`. */
export class FrontCasTable<T> extends FrontReadableTable<T> implements CasTable<T> {
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

/** Lets tasks of the same key run one after another. */
export class Turns {
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
