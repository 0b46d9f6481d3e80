/** Time for what a node does by itself; `core/clock.ts` fits. Never the time of day: clocks of machines may differ by hours. */
export interface MonotonicClock {
  /** Milliseconds, as `performance.now()` gives them: they go on while the process is stopped. */
  monotonic(): number
  /** Calls `task` once, after `ms` milliseconds. */
  after(ms: number, task: () => void): { cancel(): void }
}
