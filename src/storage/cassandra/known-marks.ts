import { growingCache } from '../../xml/cache.ts'
import type { Connection } from './connection.ts'
import type { Term } from './slots.ts'

/** Marks that are in memory. */
const MARKS = 100_000

const READ = 'SELECT json FROM rows WHERE owner = ? AND tbl = ? AND key = ?'

/** How far marks are, as texts (marks.ts), so that moving one needs no read. Empty where there is none. */
export class KnownMarks {
  readonly #connection: Connection
  readonly #known = growingCache<string, { readonly term: Term; readonly json: string }>(MARKS)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Sees to it that a mark is in memory; undefined where it is. */
  load(table: string, owner: string, key: string, term: Term): Promise<void> | undefined {
    const known = this.#known.get(nameOf(table, owner, key))
    return known?.term === term ? undefined : this.#read(table, owner, key, term)
  }

  async #read(table: string, owner: string, key: string, term: Term): Promise<void> {
    const row = await this.#connection.one(READ, [owner, table, key])
    this.set(table, owner, key, term, (row?.json ?? '') as string)
  }

  get(table: string, owner: string, key: string): string {
    return this.#known.get(nameOf(table, owner, key))?.json ?? ''
  }

  set(table: string, owner: string, key: string, term: Term, json: string): void {
    this.#known.set(nameOf(table, owner, key), { term, json })
  }

  /** It has to be read again. */
  drop(table: string, owner: string, key: string): void {
    this.#known.delete(nameOf(table, owner, key))
  }

  /** All have to be read again. */
  clear(): void {
    this.#known.clear()
  }
}

function nameOf(table: string, owner: string, key: string): string {
  return `${table}\0${owner}\0${key}`
}
