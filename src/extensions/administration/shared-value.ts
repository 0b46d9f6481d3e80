import type { Clock } from '../../core/clock.ts'
import type { Maybe } from '../../core/maybe.ts'

/** A node that has not heard of a change (it was cut off) knows of it after so long, ms. */
const FRESH_MS = 60_000

/** What administrators set for all nodes, as this node knows it: read from the storage, and again when it has changed. */
export class SharedValue<T> {
  readonly #read: () => Promise<T>
  readonly #clock: Clock
  #known: { readonly value: T; readonly at: number } | undefined
  #reading: Promise<T> | undefined
  /** How often it has changed: what was read before is not what is there. */
  #changes = 0

  constructor(read: () => Promise<T>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** It; rejects only where it has never been read. */
  get(): Maybe<T> {
    const known = this.#known
    if (known !== undefined && this.#clock.monotonic() - known.at < FRESH_MS) return known.value
    this.#reading ??= this.#load()
    // What is known holds until what is read is there.
    if (known === undefined) return this.#reading
    this.#reading.catch(() => {})
    return known.value
  }

  /** It is another one. */
  changed(): void {
    this.#changes++
    this.#known = undefined
    this.#reading = undefined
  }

  async #load(): Promise<T> {
    const changes = this.#changes
    try {
      const value = await this.#read()
      if (changes !== this.#changes) return await this.get()
      this.#known = { value, at: this.#clock.monotonic() }
      return value
    } finally {
      if (changes === this.#changes) this.#reading = undefined
    }
  }
}
