import type { Clock, Timer } from '../../core/clock.ts'

/** What happens when time is up. */
export interface WatchTasks {
  /** A request has been held for as long as it may be. */
  readonly held: () => void
  /** XEP-0124 §10: the client has asked for nothing for as long as it may. */
  readonly silent: () => void
}

/** The timer of a session: for the request that has been held longest, or else for the client to ask again. Milliseconds. */
export class Watch {
  readonly #clock: Clock
  readonly #tasks: WatchTasks
  #silentSince: number | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, tasks: WatchTasks) {
    this.#clock = clock
    this.#tasks = tasks
  }

  /** A request is held, and is to be answered at `due`. */
  hold(due: number): void {
    this.#silentSince = undefined
    this.#at(due, this.#tasks.held)
  }

  /** None is held. The silence begins when this is said first. */
  wait(inactivity: number): void {
    this.#silentSince ??= this.#clock.monotonic()
    this.#at(this.#silentSince + inactivity, this.#tasks.silent)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #at(due: number, task: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.max(0, due - this.#clock.monotonic()), task)
  }
}
