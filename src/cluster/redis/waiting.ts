import type { MonotonicClock } from '../clock.ts'
import { ClusterError } from '../types.ts'

interface Wait {
  readonly owner: string
  readonly timer: { cancel(): void }
  resolve(home: string): void
  reject(error: ClusterError): void
}

/** Those who wait for a home. */
export class Waiting {
  readonly #homeOf: (owner: string) => string | undefined
  readonly #clock: MonotonicClock
  readonly #ms: number
  readonly #waits = new Set<Wait>()
  #watchers: (() => void)[] = []
  #closed = false

  constructor(homeOf: (owner: string) => string | undefined, clock: MonotonicClock, ms: number) {
    this.#homeOf = homeOf
    this.#clock = clock
    this.#ms = ms
  }

  /** As `Cluster.homeFound`. */
  for(owner: string): Promise<string> {
    const home = this.#homeOf(owner)
    if (home !== undefined) return Promise.resolve(home)
    if (this.#closed) return Promise.reject(noHome())
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(this.#ms, () => {
        this.#waits.delete(wait)
        reject(noHome())
      })
      const wait: Wait = { owner, timer, resolve, reject }
      this.#waits.add(wait)
    })
  }

  /** Homes may have changed. */
  changed(): void {
    for (const wait of this.#waits) {
      const home = this.#homeOf(wait.owner)
      if (home === undefined) continue
      this.#waits.delete(wait)
      wait.timer.cancel()
      wait.resolve(home)
    }
    const watchers = this.#watchers
    this.#watchers = []
    for (const task of watchers) task()
  }

  /** Calls `task` once when homes may have changed. */
  onChange(task: () => void): void {
    if (this.#closed) task()
    else this.#watchers.push(task)
  }

  /** Nobody finds a home any more. */
  close(): void {
    this.#closed = true
    for (const { timer, reject } of this.#waits) {
      timer.cancel()
      reject(noHome())
    }
    this.#waits.clear()
    this.changed()
  }
}

function noHome(): ClusterError {
  return new ClusterError('no-home', 'there is no home for this owner')
}
