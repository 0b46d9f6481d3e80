import type { MonotonicClock } from '../clock.ts'

/** Homes take nothing new in the last part of a lease: what is under way has it to end. */
const SERVING_PART = 2 / 3

/**
 * The lease of all slots that a node has: it holds for a time after the last beat that Redis has confirmed, counted from before that was sent,
 * on this node's monotonic clock. Others count from after they saw the beat, so they never think it over before it is.
 */
export class Lease {
  readonly #clock: MonotonicClock
  readonly #ms: number
  #from = Number.NEGATIVE_INFINITY

  constructor(clock: MonotonicClock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** When it ends, by `clock.monotonic()`. */
  get end(): number {
    return this.#from + this.#ms
  }

  /** Whether homes may take something new at this moment: asked each time, since the process may have been stopped for any time. */
  get serving(): boolean {
    return this.#clock.monotonic() < this.#from + this.#ms * SERVING_PART
  }

  /** A beat that was sent at this time is confirmed. Whether the lease had run out before. */
  renew(sent: number): boolean {
    const lapsed = sent >= this.end
    this.#from = sent
    return lapsed
  }
}
