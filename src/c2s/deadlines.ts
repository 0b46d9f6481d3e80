import type { Clock, Timer } from '../core/clock.ts'

/**
 * Items that all have the same time to live, counted from when they were added. One timer serves all of them, so that ten thousand
 * connections cost ten thousand entries of a map and no timers of their own.
 */
export class Deadlines<T> {
  readonly #clock: Clock
  /** Time to live, ms, of what is added from now on; if it gets shorter, what was added before may hold it up until its own time. */
  ms: number
  readonly #expired: (item: T) => void
  /** In the order of their deadlines, which is the order they came in. */
  readonly #due = new Map<T, number>()
  #timer: Timer | undefined

  /** `expired` is called once for each item that is still there `ms` milliseconds after it was added; Infinity: never. */
  constructor(clock: Clock, ms: number, expired: (item: T) => void) {
    this.#clock = clock
    this.ms = ms
    this.#expired = expired
  }

  /** Starts the time of an item; starts it anew if the item is there already. */
  add(item: T): void {
    if (this.ms === Number.POSITIVE_INFINITY) return
    this.#due.delete(item)
    this.#due.set(item, this.#clock.monotonic() + this.ms)
    if (this.#timer === undefined) this.#arm(this.ms)
  }

  /** Forgets an item; harmless when it is not there. */
  delete(item: T): void {
    this.#due.delete(item)
  }

  /** How many items are there. */
  get size(): number {
    return this.#due.size
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(Math.ceil(ms), () => this.#sweep())
  }

  #sweep(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const [item, due] of this.#due) {
      if (due > now) {
        if (this.#timer === undefined) this.#arm(due - now)
        return
      }
      this.#due.delete(item)
      this.#expired(item)
    }
  }
}
