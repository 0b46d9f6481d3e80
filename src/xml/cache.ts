/**
 * The entries used last: `most` of them at most, and half as many at least. It grows with what it holds. What is used is in the younger of two
 * maps; when that is full, the older one is dropped. So a hit costs one look into a map: no list is kept in order, nothing is allocated.
 */
class GrowingCache<K, V extends {}> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  constructor(most: number) {
    this.#half = Math.ceil(most / 2)
  }

  /** The value of a key, which is used by this. */
  get(key: K): V | undefined {
    const value = this.#young.get(key)
    return value === undefined && this.#old.size > 0 ? this.#renewed(key) : value
  }

  has(key: K): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  set(key: K, value: V): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }

  delete(key: K): boolean {
    const wasYoung = this.#young.delete(key)
    return this.#old.delete(key) || wasYoung
  }

  /** Drops the entries whose keys fit. */
  deleteWhere(fits: (key: K) => boolean): void {
    for (const key of this.keys()) if (fits(key)) this.delete(key)
  }

  /** The keys of all entries. */
  keys(): K[] {
    return [...this.#old.keys(), ...this.#young.keys()]
  }

  clear(): void {
    this.#old.clear()
    this.#young.clear()
  }

  #renewed(key: K): V | undefined {
    const value = this.#old.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }
}

/** A cache of so many entries at most. */
export function growingCache<K, V extends {}>(most: number): GrowingCache<K, V> {
  return new GrowingCache(most)
}
