import { growingCache } from '../../xml/cache.ts'
import { compareKeys } from '../checks.ts'
import type { Connection, Statement } from './connection.ts'
import type { Slots, Term } from './slots.ts'

/** Partitions of the owners of one table. */
const SHARDS = 16
/** Entries that are read at once. */
const PAGE = 1_000
/** Entries that are known to be there. */
const KNOWN = 200_000

const ADD = 'INSERT INTO owners (tbl, shard, owner) VALUES (?, ?, ?) USING TIMESTAMP ?'
const REMOVE = 'DELETE FROM owners USING TIMESTAMP ? WHERE tbl = ? AND shard = ? AND owner = ?'
const AFTER = 'SELECT owner FROM owners WHERE tbl = ? AND shard = ? AND owner > ? LIMIT ?'

/** Who may have rows in a table. An entry is there before the first row, and stays after the last: whoever asks looks at the rows. */
export class Owners {
  readonly #connection: Connection
  readonly #slots: Slots
  readonly #known = growingCache<string, Term>(KNOWN)

  constructor(connection: Connection, slots: Slots) {
    this.#connection = connection
    this.#slots = slots
  }

  /** Sees to it that an owner is found, whose slot this process holds; undefined where that is known. */
  add(table: string, owner: string, term: Term): Promise<void> | undefined {
    const name = `${table}\0${owner}`
    return this.#known.get(name) === term ? undefined : this.#add(name, table, owner, term)
  }

  async #add(name: string, table: string, owner: string, term: Term): Promise<void> {
    await this.#connection.write([this.#added(table, owner, this.#slots.stamp(term))], {
      until: () => term.until,
    })
    this.#known.set(name, term)
  }

  /** The same for an owner whose slot another process holds: its removals of the same term lose against this, so an entry may stay for nothing. */
  async addForeign(table: string, owner: string): Promise<void> {
    await this.#connection.write([this.#added(table, owner, await this.#slots.lastStamp(owner))])
  }

  #added(table: string, owner: string, stamp: bigint): Statement {
    return { query: ADD, params: [table, this.#shardOf(owner), owner, stamp] }
  }

  /** The statement by which an owner is not found any more. */
  remove(table: string, owner: string, stamp: bigint): Statement {
    this.#known.delete(`${table}\0${owner}`)
    return { query: REMOVE, params: [stamp, table, this.#shardOf(owner), owner] }
  }

  /** Some owners after this one, in the order of their bytes. */
  async after(table: string, after: string, limit: number): Promise<string[]> {
    const shards = await Promise.all(
      Array.from({ length: SHARDS }, async (_, shard) => {
        const { rows } = await this.#connection.read(AFTER, [table, shard, after, limit], limit)
        return rows.map(({ owner }) => owner as string)
      }),
    )
    return shards.flat().sort(compareKeys).slice(0, limit)
  }

  /** All owners, one shard after the other: each entry is read once. */
  async *all(table: string): AsyncGenerator<string> {
    for (let shard = 0; shard < SHARDS; shard++)
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { rows } = await this.#connection.read(AFTER, [table, shard, after, PAGE], PAGE)
        for (const { owner } of rows) yield owner as string
        after = rows.length < PAGE ? undefined : (rows.at(-1)!.owner as string)
      }
  }

  #shardOf(owner: string): number {
    return this.#slots.slotOf(owner) % SHARDS
  }
}

/** What stands for an archive in the list of owners; no table has such a name. */
export function archiveEntry(archive: string): string {
  return `archive:${archive}`
}
