import { firstIdAt } from '../archive-ids.ts'
import type { Key } from './log-rows.ts'

/** How long a key is known at most, ms: `Unique`. */
export const KNOWN_MS = 2 * 86_400_000
/** Two items with so far between their ids do not know of each other. */
const KNOWN_IDS = firstIdAt(KNOWN_MS)
const FIRST_CAPACITY = 1024
/** In the place of an id: the slot was never used, or its key was removed. */
const EMPTY = 0
const REMOVED = -1

/** A key, and the item that has it. */
export interface KeyEntry extends Key {
  readonly owner: number
  readonly id: number
}

/** Ids of items by owner and key, in columns of numbers: 20 bytes a slot, where an object in a map would take over a hundred. */
export class KeyTable {
  #ids = new Float64Array(FIRST_CAPACITY)
  #owners = new Uint32Array(FIRST_CAPACITY)
  #highs = new Int32Array(FIRST_CAPACITY)
  #lows = new Int32Array(FIRST_CAPACITY)
  /** Slots that are not empty. */
  #used = 0

  /** How many keys it holds; those that were removed count until it grows. */
  get size(): number {
    return this.#used
  }

  /** The id of the item of an owner with this key. */
  find(owner: number, key: Key): number | undefined {
    const id = this.#ids[this.#slotOf(owner, key)]!
    return id > 0 ? id : undefined
  }

  /** Adds a key. Where it is already the older item keeps it, unless it was forgotten when the newer one came. */
  add({ owner, id, high, low }: KeyEntry): void {
    const slot = this.#slotOf(owner, { high, low })
    const known = this.#ids[slot]!
    if (known === EMPTY) this.#used++
    else if (known > 0 && (known <= id ? id - known <= KNOWN_IDS : known - id > KNOWN_IDS)) return
    this.#ids[slot] = id
    this.#owners[slot] = owner
    this.#highs[slot] = high
    this.#lows[slot] = low
    if (this.#used * 4 > this.#ids.length * 3) this.#grow()
  }

  /** Removes a key if it is that of this item. */
  remove({ owner, id, high, low }: KeyEntry): void {
    const slot = this.#slotOf(owner, { high, low })
    if (this.#ids[slot] === id) this.#ids[slot] = REMOVED
  }

  /** Removes the keys of an owner's items up to an id. */
  forget(owner: number, upTo: number): void {
    for (let slot = 0; slot < this.#ids.length; slot++) {
      const id = this.#ids[slot]!
      if (this.#owners[slot] === owner && id > 0 && id <= upTo) this.#ids[slot] = REMOVED
    }
  }

  /** The slot of a key, or the empty one where it would be. */
  #slotOf(owner: number, { high, low }: Key): number {
    const mask = this.#ids.length - 1
    let slot = (low ^ Math.imul(owner, 0x9e3779b1)) & mask
    while (
      this.#ids[slot] !== EMPTY &&
      !(this.#lows[slot] === low && this.#highs[slot] === high && this.#owners[slot] === owner)
    )
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [ids, owners, highs, lows] = [this.#ids, this.#owners, this.#highs, this.#lows]
    const capacity = 2 * ids.length
    this.#ids = new Float64Array(capacity)
    this.#owners = new Uint32Array(capacity)
    this.#highs = new Int32Array(capacity)
    this.#lows = new Int32Array(capacity)
    this.#used = 0
    for (const [slot, id] of ids.entries())
      if (id > 0) this.add({ id, owner: owners[slot]!, high: highs[slot]!, low: lows[slot]! })
  }
}
