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

/** Resolves after so many ms. */
export function pause(clock: Pick<Clock, 'after'>, ms: number): Promise<void> {
  return new Promise(resolve => clock.after(ms, resolve))
}

/** Waits for something, but no longer than so many ms: what it comes to, or else `late`. Rejects when it does in time. */
export async function within<T, L>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  work: Promise<T>,
  late: L,
): Promise<T | L> {
  const { promise, resolve } = Promise.withResolvers<L>()
  const timer = clock.after(ms, () => resolve(late))
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
