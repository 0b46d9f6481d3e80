import { StanzaError } from './errors.ts'
import type { Log } from './log.ts'
import { isPromise, type Maybe } from './maybe.ts'

/**
 * Work that nobody waits for. It never fails unseen: what it throws is logged, as a warning where the same may succeed a moment later.
 * `settled()` lets tests and an orderly stop wait until all of it is done.
 */
export class Background {
  readonly #running = new Set<Promise<void>>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Takes charge of what has not settled yet; `what` names it in the log should it fail. */
  run(what: string, work: Maybe<void> | Promise<unknown>): void {
    if (!isPromise(work)) return
    const done = work.then(
      () => void this.#running.delete(done),
      (err: unknown) => {
        this.#running.delete(done)
        // A home that has just died or moves is no fault of ours.
        const level = err instanceof StanzaError && err.type === 'wait' ? 'warn' : 'error'
        this.#log[level]({ code: 'TIDINGS_BACKGROUND_FAILED', what, err }, 'work in the background failed')
      },
    )
    this.#running.add(done)
  }

  /** Resolves when nothing is running, including what running work has started meanwhile. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** How many pieces of work are running. */
  get size(): number {
    return this.#running.size
  }
}
