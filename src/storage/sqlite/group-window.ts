/** How long a group of commits waits for company, ms, counted from when the last group was sent. */
const WINDOW_MS = 8
/** A group of this many commits does not wait. */
const ENOUGH = 16
/** Commits that a wait must bring on average to be worth it, and how often to find out whether it would. */
const WORTH = 0.4
const TRY_EVERY = 128
/** Over how many waits the average goes. */
const MEMORY = 8

/**
 * Decides whether a group should wait. After a quiet moment a commit goes at once. When commits come one by one a few ms apart, from senders
 * who do not wait for the answer, gathering them saves up to a third of the cost (a sync and two wake-ups of threads each).
 * When every sender waits for its answer, waiting brings nobody; it is tried now and then, and dropped when it does not pay.
 */
export class GroupWindow {
  #sent = Number.NEGATIVE_INFINITY
  /** Commits that came during a wait, on average. */
  #gain = 0
  #sinceTry = 0
  /** Commits that were there when the wait began; `undefined` while there is none. */
  #company: number | undefined

  /** How long (ms) a group of this many commits should wait from now on; 0 to send it. `now` is in ms of a monotonic clock. */
  wait(commits: number, now: number): number {
    const left = this.#sent + WINDOW_MS - now
    if (commits >= ENOUGH || left < 1) return 0
    if (this.#company !== undefined) return left
    if (this.#gain < WORTH && ++this.#sinceTry < TRY_EVERY) return 0
    this.#company = commits
    return left
  }

  /** A group of this many commits is sent. */
  sent(commits: number, now: number): void {
    this.#sent = now
    if (this.#company === undefined) return
    const gained = commits - this.#company
    const tried = this.#sinceTry >= TRY_EVERY
    this.#gain = tried ? gained : this.#gain + (gained - this.#gain) / MEMORY
    this.#company = undefined
    this.#sinceTry = 0
  }
}
