import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { MAX_PAGE_BYTES, prefixEnd } from '../checks.ts'
import { toPlain } from './errors.ts'
import type { Answer, PackedRows, Reads, RowRequest } from './reader-message.ts'

const ALIVE = '(expires IS NULL OR expires > ?)'

/** Reads rows of tables. Lives in the reader, and in the writer for the first few questions. */
export class RowReader {
  readonly #db: DatabaseSync
  readonly #tables = new Map<string, number>()
  readonly #pages = new Map<string, StatementSync>()
  readonly #table: StatementSync
  readonly #get: StatementSync
  readonly #owner: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#table = db.prepare('SELECT id FROM table_name WHERE name = ?')
    this.#get = db.prepare(`SELECT json FROM item WHERE table_id = ? AND owner = ? AND key = ? AND ${ALIVE}`)
    this.#owner = db.prepare(
      `SELECT owner FROM item WHERE table_id = ? AND owner > ? AND ${ALIVE} ORDER BY owner LIMIT 1`,
    )
  }

  /** Answers a question; never throws. */
  answer({ number, read, ask }: RowRequest): Answer {
    try {
      if (read === 'get') return { number, answer: this.get(ask) }
      return { number, answer: read === 'page' ? this.page(ask) : this.owners(ask) }
    } catch (error) {
      return { number, error: toPlain(error) }
    }
  }

  get({ table, owner, key, now }: Reads['get']['ask']): string | undefined {
    const id = this.#find(table)
    return id === undefined ? undefined : (this.#get.get(id, owner, key, now)?.json as string | undefined)
  }

  page({ table, owner, range, limit, now }: Reads['page']['ask']): PackedRows {
    const id = this.#find(table)
    if (id === undefined) return { keys: [], jsons: [], expiries: [], more: false }
    const { after, before, prefix, reverse = false } = range
    const end = prefix === undefined ? undefined : prefixEnd(prefix)
    const bounds: [string, string | undefined][] = [
      ['key > ?', after],
      ['key < ?', before],
      ['key >= ?', prefix],
      ['key < ?', end],
    ]
    const given = bounds.filter(([, value]) => value !== undefined)
    const conditions = ['table_id = ?', 'owner = ?', ALIVE, ...given.map(([condition]) => condition)]
    const statement = this.#prepare(
      `SELECT key, json, expires FROM item WHERE ${conditions.join(' AND ')} ORDER BY key ${reverse ? 'DESC' : ''} LIMIT ?`,
    )
    const rows = statement.iterate(id, owner, now, ...given.map(([, value]) => value!), limit + 1)
    return cut(rows as unknown as Iterable<FoundRow>, limit)
  }

  /** Each owner is one search of the tree, however many rows it has. */
  owners({ table, after, limit, now }: Reads['owners']['ask']): string[] {
    const id = this.#find(table)
    const owners: string[] = []
    let last = after ?? ''
    while (id !== undefined && owners.length < limit) {
      const found = this.#owner.get(id, last, now)?.owner
      if (typeof found !== 'string') break
      owners.push(found)
      last = found
    }
    return owners
  }

  #find(name: string): number | undefined {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const id = this.#table.get(name)?.id as number | undefined
    // Tables come, but they never go.
    if (id !== undefined) this.#tables.set(name, id)
    return id
  }

  #prepare(sql: string): StatementSync {
    const known = this.#pages.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    // An array costs half of what an object does.
    statement.setReturnArrays(true)
    this.#pages.set(sql, statement)
    return statement
  }
}

type FoundRow = [key: string, json: string, expires: number | null]

function cut(rows: Iterable<FoundRow>, limit: number): PackedRows {
  const keys: string[] = []
  const jsons: string[] = []
  const expiries: (number | null)[] = []
  let bytes = 0
  for (const [key, json, expires] of rows) {
    if (keys.length === limit || bytes >= MAX_PAGE_BYTES) return { keys, jsons, expiries, more: true }
    keys.push(key)
    jsons.push(json)
    expiries.push(expires)
    bytes += json.length
  }
  return { keys, jsons, expiries, more: false }
}
