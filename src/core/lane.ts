import { isPromise, type Maybe } from './maybe.ts'

/**
 * Ordered work, and the only place where anything waits: a task starts when the one before it has settled.
 * While nothing waits, a task runs at once and synchronously.
 */
export class Lane {
  #tail: Promise<unknown> | undefined
  #waiting = 0

  /** Tasks that have not settled yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** Runs `task` after all earlier ones. A task that throws or rejects fails alone: later ones still run. */
  run<T>(task: () => Maybe<T>): Maybe<T> {
    if (this.#tail === undefined) {
      const result = task()
      return isPromise(result) ? this.#wait(result) : result
    }
    return this.#wait(this.#tail.then(task, task))
  }

  /** Settles when everything that was put in before has settled. */
  idle(): Maybe<void> {
    if (this.#tail === undefined) return
    const tail = this.#tail
    return tail.then(noop, noop)
  }

  #wait<T>(pending: Promise<T>): Promise<T> {
    this.#waiting++
    const settled = (): void => {
      this.#waiting--
      if (this.#tail === pending) this.#tail = undefined
    }
    // The lane looks after its own copy of the outcome; whoever called run() gets the original, with its error.
    this.#tail = pending
    pending.then(settled, settled)
    return pending
  }
}

function noop(): void {}
