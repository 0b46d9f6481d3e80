import { randomUUID } from 'node:crypto'
import { compareKeys, MAX_PAGE_BYTES, prefixEnd } from '../checks.ts'
import type { Row } from '../engine.ts'
import { type KeyRange, type Page, StorageError, type WallClock } from '../types.ts'
import type { Connection, Found, Statement, Value } from './connection.ts'
import type { Kinds } from './kinds.ts'
import type { Owners } from './owners.ts'
import type { Slots } from './slots.ts'

/** Rows of one answer of Cassandra: items may be large. */
const ROWS_AT_ONCE = 100
/** How long what was removed by compare-and-set leaves its nonce, seconds. */
const REMOVED_SECONDS = 3_600

const GET = 'SELECT json, expires FROM rows WHERE owner = ? AND tbl = ? AND key = ?'
const CAS_GET = 'SELECT json FROM cas_rows WHERE owner = ? AND tbl = ? AND key = ?'
const CAS_STATE = 'SELECT json, nonce FROM cas_rows WHERE owner = ? AND tbl = ? AND key = ?'
const CAS_SET = 'UPDATE cas_rows SET json = ?, nonce = ? WHERE owner = ? AND tbl = ? AND key = ? IF json = ?'
const CAS_REMOVE = `UPDATE cas_rows USING TTL ${REMOVED_SECONDS} SET json = null, nonce = ? WHERE owner = ? AND tbl = ? AND key = ? IF json = ?`
const CAS_KEYS = 'SELECT key FROM cas_rows WHERE owner = ? AND tbl = ?'
const CAS_FORGET = 'DELETE FROM cas_rows WHERE owner = ? AND tbl = ? AND key = ? IF EXISTS'

/** Tables as far as they are read, and compare-and-set. */
export class Tables {
  readonly #connection: Connection
  readonly #kinds: Kinds
  readonly #owners: Owners
  readonly #slots: Slots
  readonly #clock: WallClock

  constructor(parts: {
    readonly connection: Connection
    readonly kinds: Kinds
    readonly owners: Owners
    readonly slots: Slots
    readonly clock: WallClock
  }) {
    this.#connection = parts.connection
    this.#kinds = parts.kinds
    this.#owners = parts.owners
    this.#slots = parts.slots
    this.#clock = parts.clock
  }

  async get(table: string, owner: string, key: string): Promise<string | undefined> {
    const row = await this.#connection.one(this.#isCas(table) ? CAS_GET : GET, [owner, table, key])
    return row === undefined ? undefined : this.#alive(row)
  }

  /** See `Engine.page`. */
  async page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    const { query, params } = this.#range(table, owner, range)
    const items: Row[] = []
    let bytes = 0
    for (let next: string | undefined | null = null; next !== undefined; ) {
      const size = Math.min(limit + 1, ROWS_AT_ONCE)
      const page: { rows: readonly Found[]; next: string | undefined } = await this.#connection.read(
        query,
        params,
        size,
        next ?? undefined,
      )
      for (const row of page.rows) {
        const json = this.#alive(row)
        if (json === undefined) continue
        if (items.length === limit || bytes >= MAX_PAGE_BYTES) return { items, more: true }
        items.push(rowOf(row, json))
        bytes += Buffer.byteLength(json)
      }
      next = page.next
    }
    return { items, more: false }
  }

  #range(table: string, owner: string, range: KeyRange): Statement {
    const { after, before, prefix, reverse } = range
    const cas = this.#isCas(table)
    const conditions = ['owner = ?', 'tbl = ?']
    const params: Value[] = [owner, table]
    const restrict = (condition: string, value: string): void => {
      conditions.push(condition)
      params.push(value)
    }
    // A column may have one lower and one upper bound.
    const from = prefix !== undefined && (after === undefined || compareKeys(prefix, after) > 0)
    if (from) restrict('key >= ?', prefix)
    else if (after !== undefined) restrict('key > ?', after)
    const end = prefix === undefined ? undefined : prefixEnd(prefix)
    const to = [before, end].filter(one => one !== undefined).sort(compareKeys)[0]
    if (to !== undefined) restrict('key < ?', to)
    const order = reverse ? `ORDER BY ${cas ? 'key DESC' : 'tbl DESC, key DESC'}` : ''
    const columns = cas ? 'key, json' : 'key, json, expires'
    const query = `SELECT ${columns} FROM ${cas ? 'cas_rows' : 'rows'} WHERE ${conditions.join(' AND ')} ${order}`
    return { query, params }
  }

  /** See `Engine.owners`. */
  async owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    const found: string[] = []
    for (let last = after ?? ''; found.length < limit; ) {
      const candidates = await this.#owners.after(table, last, limit)
      const alive = await Promise.all(
        candidates.map(async owner => (await this.page(table, owner, {}, 1)).items.length > 0),
      )
      found.push(...candidates.filter((_, n) => alive[n]))
      if (candidates.length < limit) break
      last = candidates.at(-1)!
    }
    return found.slice(0, limit)
  }

  /** See `Engine.swap`. What became of an attempt that was not answered is read back: the nonce tells whether it was ours. */
  async swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    await this.#kinds.ready(table)
    const term = this.#slots.currentTerm(owner)
    // Rows of this kind need no fence: any process may change them.
    if (term === undefined || term.until <= performance.now()) await this.#owners.addForeign(table, owner)
    else await this.#owners.add(table, owner, term)
    const nonce = randomUUID()
    const row = [owner, table, key]
    const statement: Statement =
      json === undefined
        ? { query: CAS_REMOVE, params: [nonce, ...row, expected ?? null] }
        : { query: CAS_SET, params: [json, nonce, ...row, expected ?? null] }
    for (let tries = 0; tries < 5; tries++) {
      const applied = await this.#connection.compareAndSet([statement])
      // What another attempt finds may be what the one before it has stored.
      if (applied === true || (applied === false && tries === 0)) return applied
      const [state] = await this.#connection.serially(CAS_STATE, row)
      if (state?.nonce === nonce) return true
      if ((state?.json ?? undefined) !== expected) return false
    }
    throw undecided()
  }

  /** Removes all rows of an owner from a table of kind cas. */
  async removeAll(table: string, owner: string): Promise<void> {
    for (const { key } of await this.#connection.all(CAS_KEYS, [owner, table]))
      for (let tries = 0; ; tries++) {
        const applied = await this.#connection.compareAndSet([
          { query: CAS_FORGET, params: [owner, table, key as string] },
        ])
        if (applied !== undefined) break
        if (tries === 5) throw undecided()
      }
  }

  #isCas(table: string): boolean {
    return this.#kinds.kindOf(table) === 'cas'
  }

  #alive({ json, expires }: Found): string | undefined {
    const gone = typeof expires === 'bigint' && expires > 0n && expires <= this.#clock.now()
    return gone || json === null ? undefined : (json as string)
  }
}

function undecided(): StorageError {
  return new StorageError('unavailable', 'Cassandra: a lightweight transaction was not decided in time')
}

function rowOf({ key, expires }: Found, json: string): Row {
  const row = { key: key as string, json }
  return typeof expires === 'bigint' && expires > 0n ? { ...row, expires: Number(expires) } : row
}
