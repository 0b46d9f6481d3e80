/** Time as the server sees it; tests inject one they can move. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Monotonic clock in milliseconds, for durations. */
  monotonic(): number
  /** Calls `task` once, after `ms` milliseconds. Does not keep the process alive. */
  after(ms: number, task: () => void): Timer
}

/** A running timer. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
