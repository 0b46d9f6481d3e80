import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { transaction } from './database.ts'
import type { NewEntry } from './log-rows.ts'

/** How long a table of keys is written to before the other one takes its place, ms. */
const TURN_MS = 86_400_000
/** Rows deleted in a transaction. */
const STEP_ROWS = 500

/** 64 bits of the hash of a key, as two signed numbers of 32. */
export interface Key {
  readonly high: number
  readonly low: number
}

/**
 * The keys of archived items (`Unique`). Those that the index does not cover yet are in memory, the others in two tables which take turns.
 * Lives in the writer.
 */
export class Keys {
  readonly #db: DatabaseSync
  /** By owner and key. */
  readonly #pending = new Map<number, Map<number, NewEntry>>()
  readonly #find: StatementSync
  readonly #inserts: readonly [StatementSync, StatementSync]
  readonly #setTurn: StatementSync
  #current: 0 | 1
  #since: number

  constructor(db: DatabaseSync) {
    this.#db = db
    const found = (table: number) => `SELECT id FROM key_${table} WHERE owner = ?1 AND high = ?2 AND low = ?3`
    this.#find = db.prepare(`${found(0)} UNION ALL ${found(1)} ORDER BY id LIMIT 1`)
    this.#inserts = [
      db.prepare('INSERT INTO key_0 VALUES(?, ?, ?, ?)'),
      db.prepare('INSERT INTO key_1 VALUES(?, ?, ?, ?)'),
    ]
    this.#setTurn = db.prepare('UPDATE key_turn SET current = ?, since = ?')
    const { current, since } = db.prepare('SELECT * FROM key_turn').get() as { current: 0 | 1; since: number }
    this.#current = current
    this.#since = since
  }

  /** The id of the first item of an owner with this key that is still known. */
  find(owner: number, key: Key): number | undefined {
    const pending = this.#pending.get(owner)?.get(numberOf(key))
    if (pending?.key?.low === key.low) return pending.id
    return this.#find.get(owner, key.high, key.low)?.id as number | undefined
  }

  /** Takes in the key of an item, if it has one. */
  add(entry: NewEntry): void {
    if (entry.key === undefined) return
    const keys = this.#pending.get(entry.owner) ?? new Map<number, NewEntry>()
    this.#pending.set(entry.owner, keys)
    // The first one with a key is the one to be found.
    if (!keys.has(numberOf(entry.key))) keys.set(numberOf(entry.key), entry)
  }

  /** Takes back what `add` did: the item was rolled back, or its key is in the table now. */
  remove(entry: NewEntry): void {
    if (entry.key === undefined) return
    const keys = this.#pending.get(entry.owner)
    const number = numberOf(entry.key)
    if (keys?.get(number) !== entry) return
    keys.delete(number)
    if (keys.size === 0) this.#pending.delete(entry.owner)
  }

  /** Stores the key of an entry that is being indexed, if it has one. In a transaction. */
  save({ owner, key, id }: NewEntry): void {
    if (key !== undefined) this.#inserts[this.#current].run(owner, key.high, key.low, id)
  }

  /** Whether it is time to `turn`; `now` in ms since 1970. */
  due(now: number): boolean {
    return now - this.#since >= TURN_MS
  }

  /** Empties the older table and lets it take over, when it is time. */
  *turn(now: number): Generator<void> {
    if (!this.due(now)) return
    const next = this.#current === 0 ? 1 : 0
    const some = `SELECT owner, high, low, id FROM key_${next} LIMIT ${STEP_ROWS}`
    const erase = this.#db.prepare(`DELETE FROM key_${next} WHERE (owner, high, low, id) IN (${some})`)
    while (transaction(this.#db, () => erase.run().changes) === STEP_ROWS) yield
    transaction(this.#db, () => this.#setTurn.run(next, now))
    this.#current = next
    this.#since = now
  }

  /** Erases the keys of an owner's items up to an id; all of them are indexed. */
  *forget(owner: number, upTo: number): Generator<void> {
    for (const table of [0, 1]) {
      const some = `SELECT owner, high, low, id FROM key_${table} WHERE owner = ?1 AND id <= ?2 LIMIT ${STEP_ROWS}`
      const erase = this.#db.prepare(`DELETE FROM key_${table} WHERE (owner, high, low, id) IN (${some})`)
      while (transaction(this.#db, () => erase.run(owner, upTo).changes) === STEP_ROWS) yield
    }
  }
}

/** 53 bits of the 64; the rest is compared. */
function numberOf({ high, low }: Key): number {
  return (high >>> 0) * 2 ** 21 + (low >>> 11)
}
