import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { firstIdAt } from '../archive-ids.ts'
import { transaction } from './database.ts'
import { type KeyEntry, KeyTable, KNOWN_MS } from './key-table.ts'
import type { Key, NewEntry } from './log-rows.ts'

/** How long keys go into one table before the next one begins, ms, and how many. */
const TURN_MS = 86_400_000
const TURN_KEYS = 1_000_000
/** Pages erased in a transaction. */
const STEP_PAGES = 50
/** Bytes of a key in a page. */
const PACKED = 20

/** How far the log is: `now` in ms since 1970, and the greatest id given so far. */
export interface Moment {
  readonly now: number
  readonly last: number
}

/**
 * The keys of archived items (`Unique`): all are in memory, in two tables. New ones go to the younger; a day later it is the older one,
 * and what was in that is forgotten. On the disk they lie packed as they were indexed (a tree of them would cost a page for each key),
 * to be read at the next start; those that were not indexed by then are in the log. Lives in the writer.
 */
export class Keys {
  readonly #db: DatabaseSync
  readonly #insert: StatementSync
  #older = new KeyTable()
  #younger = new KeyTable()
  /** The last id of the older table. */
  #border: number
  /** When the younger one began, ms since 1970. */
  #since: number

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#insert = db.prepare('INSERT INTO key_page(last, keys) VALUES(?, ?)')
    const turn = db.prepare('SELECT * FROM key_turn').get() as { border: number; since: number }
    this.#border = turn.border
    this.#since = turn.since
    for (const { keys } of db.prepare('SELECT keys FROM key_page').iterate())
      for (const entry of unpack(keys as Uint8Array)) this.#tableOf(entry.id).add(entry)
  }

  #tableOf(id: number): KeyTable {
    return id <= this.#border ? this.#older : this.#younger
  }

  /** The id of the first item of an owner with this key that is still known. `now` in ms since 1970: while nothing was stored no table was emptied. */
  find(owner: number, key: Key, now: number): number | undefined {
    const first = firstIdAt(now - KNOWN_MS)
    return notBefore(first, this.#older.find(owner, key)) ?? notBefore(first, this.#younger.find(owner, key))
  }

  /** Takes in the key of an item, if it has one. */
  add({ owner, id, key }: NewEntry): void {
    if (key !== undefined) this.#tableOf(id).add({ owner, id, high: key.high, low: key.low })
  }

  /** Takes back what `add` did: the item was rolled back. */
  remove({ owner, id, key }: NewEntry): void {
    if (key !== undefined) this.#tableOf(id).remove({ owner, id, high: key.high, low: key.low })
  }

  /** Stores the keys of entries that are being indexed. In a transaction. */
  save(entries: readonly NewEntry[]): void {
    const keyed = entries.filter(entry => entry.key !== undefined)
    if (keyed.length === 0) return
    const last = keyed.reduce((most, { id }) => Math.max(most, id), 0)
    this.#insert.run(last, pack(keyed))
  }

  /**
   * Forgets the older keys, page by page, when it is time. Until the last page is gone they are still known.
   * Runs in the background: it asks how late it is by then, since a key that came meanwhile counts from now.
   */
  *turn(moment: () => Moment): Generator<void> {
    if (moment().now - this.#since < TURN_MS && this.#younger.size < TURN_KEYS) return
    const erase = this.#db.prepare(
      `DELETE FROM key_page WHERE page IN (SELECT page FROM key_page WHERE last <= ? LIMIT ${STEP_PAGES})`,
    )
    while (transaction(this.#db, () => erase.run(this.#border).changes) === STEP_PAGES) yield
    const { now, last } = moment()
    transaction(this.#db, () => this.#db.prepare('UPDATE key_turn SET border = ?, since = ?').run(last, now))
    this.#older = this.#younger
    this.#younger = new KeyTable()
    this.#border = last
    this.#since = now
  }

  /** Forgets the keys of an owner's items up to an id; all of them are indexed. A page is a step. */
  *forget(owner: number, upTo: number): Generator<void> {
    this.#older.forget(owner, upTo)
    this.#younger.forget(owner, upTo)
    const pages = this.#db.prepare('SELECT page FROM key_page').all()
    const find = this.#db.prepare('SELECT keys FROM key_page WHERE page = ?')
    const update = this.#db.prepare('UPDATE key_page SET keys = ? WHERE page = ?')
    for (const { page } of pages) {
      const keys = find.get(page!)?.keys as Uint8Array | undefined
      if (keys !== undefined && blank(keys, owner, upTo)) transaction(this.#db, () => update.run(keys, page!))
      yield
    }
  }
}

function notBefore(first: number, id: number | undefined): number | undefined {
  return id === undefined || id < first ? undefined : id
}

function pack(entries: readonly NewEntry[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(entries.length * PACKED))
  for (const [index, { owner, id, key }] of entries.entries()) {
    const at = index * PACKED
    view.setFloat64(at, id)
    view.setUint32(at + 8, owner)
    view.setInt32(at + 12, key!.high)
    view.setInt32(at + 16, key!.low)
  }
  return new Uint8Array(view.buffer)
}

function* unpack(bytes: Uint8Array): Generator<KeyEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; at += PACKED) {
    const id = view.getFloat64(at)
    if (id === 0) continue
    yield { id, owner: view.getUint32(at + 8), high: view.getInt32(at + 12), low: view.getInt32(at + 16) }
  }
}

/** Overwrites the keys of an owner's items up to an id; whether there were any. */
function blank(bytes: Uint8Array, owner: number, upTo: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let found = false
  for (let at = 0; at < bytes.byteLength; at += PACKED) {
    if (view.getUint32(at + 8) !== owner || view.getFloat64(at) > upTo) continue
    bytes.fill(0, at, at + PACKED)
    found = true
  }
  return found
}
