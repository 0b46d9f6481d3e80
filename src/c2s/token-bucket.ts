/** How much of something may pass: `perSecond` for ever, and `burst` at once after a pause. Infinity: no limit. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/**
 * A token bucket of one number: the moment at which the bucket would be full again (the generic cell rate algorithm).
 * It never refuses; it tells how long to wait before taking more.
 */
export class TokenBucket {
  readonly #rate: Rate
  #full = 0

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** Takes `amount` at the time `now` (milliseconds, monotonic) and returns for how many milliseconds nothing more should be taken. */
  take(amount: number, now: number): number {
    const { perSecond, burst } = this.#rate
    if (perSecond === Number.POSITIVE_INFINITY) return 0
    this.#full = Math.max(this.#full, now) + (amount / perSecond) * 1000
    return Math.max(0, this.#full - now - (burst / perSecond) * 1000)
  }
}
