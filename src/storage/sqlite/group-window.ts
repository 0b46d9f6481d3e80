/** How long a group of commits waits for company, ms, counted from when the last group was sent. */
const WINDOW_MS = 8
/** A group of this many commits does not wait. */
const ENOUGH = 16
/** Commits that a wait must bring on average to be worth it, and how often to find out whether it would. */
const WORTH = 0.5
const TRY_EVERY = 16

/**
 * Decides whether a group should wait. After a quiet moment a commit goes at once. When commits come one by one a few ms apart, and whoever
 * sends them does not wait for the answer, gathering them saves a third of the cost (a commit and two wake-ups of threads each).
 * When every sender waits for its answer, waiting brings nobody; it is tried now and then, and dropped when it does not pay.
 */
export class GroupWindow {
  #sent = Number.NEGATIVE_INFINITY
  /** Commits that came during a wait, averaged over the last few waits. */
  #gain = 0
  #untried = 0
  #waitingSince: number | undefined

  /** How long (ms) a group of this many commits should wait from now on; 0 to send it. `now` is in ms of a monotonic clock. */
  wait(commits: number, now: number): number {
    const left = this.#sent + WINDOW_MS - now
    if (commits >= ENOUGH || left < 1) return 0
    if (this.#waitingSince !== undefined) return left
    if (this.#gain < WORTH && ++this.#untried < TRY_EVERY) return 0
    this.#untried = 0
    this.#waitingSince = commits
    return left
  }

  /** A group of this many commits is sent. */
  sent(commits: number, now: number): void {
    if (this.#waitingSince !== undefined) this.#gain += (commits - this.#waitingSince - this.#gain) / 4
    this.#waitingSince = undefined
    this.#sent = now
  }
}
