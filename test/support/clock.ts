import type { Clock, Timer } from '../../src/core/clock.ts'

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<{ readonly due: number; readonly task: () => void }>()

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, task: () => void): Timer {
    const timer = { due: this.#now + ms, task }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** Moves the time on and fires what has come due, earliest first. */
  advance(ms: number): void {
    this.#now += ms
    const due = [...this.#timers].filter(timer => timer.due <= this.#now).sort((a, b) => a.due - b.due)
    for (const timer of due) if (this.#timers.delete(timer)) timer.task()
  }
}
