/** Long work of a thread, done in steps of a few ms between which messages come first. */

/** How long steps go on before messages have their turn, ms. */
const TURN_MS = 4

interface Job {
  readonly steps: Generator<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Runs jobs one after another, or, when `fair`, in turns. */
export class Background {
  readonly #jobs: Job[] = []
  readonly #fair: boolean
  readonly #around: (turn: () => void) => void
  #scheduled = false

  /** `around` is called with each turn and has to call it; a reader opens its snapshot there. */
  constructor(options: { fair: boolean; around?: (turn: () => void) => void }) {
    this.#fair = options.fair
    this.#around = options.around ?? (turn => turn())
  }

  /** Runs a job to its end. */
  run(steps: Generator<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ steps, resolve, reject })
      this.#schedule()
    })
  }

  /** Drops all jobs; their promises stay open. */
  stop(): void {
    this.#jobs.length = 0
  }

  #schedule(): void {
    if (this.#scheduled || this.#jobs.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#jobs.length === 0) return
      try {
        this.#around(() => this.#turn())
      } catch (error) {
        this.#jobs.shift()!.reject(error)
      }
      this.#schedule()
    })
  }

  #turn(): void {
    const end = performance.now() + TURN_MS
    do this.#step(this.#jobs[0]!)
    while (this.#jobs.length > 0 && performance.now() < end)
  }

  #step(job: Job): void {
    try {
      const { done } = job.steps.next()
      if (done !== true) {
        if (this.#fair) this.#jobs.push(this.#jobs.shift()!)
        return
      }
      job.resolve()
    } catch (error) {
      job.reject(error)
    }
    this.#jobs.shift()
  }
}
