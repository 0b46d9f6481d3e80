/** What a client of a test waits for: something that comes with what it receives. */
export class Changes {
  readonly #who: string
  #changed = Promise.withResolvers<void>()

  /** `who` is named by what is not in time. */
  constructor(who: string) {
    this.#who = who
  }

  /** Something has come. */
  notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Waits for something that comes with what is received. Rejects after a while, ms. */
  async until(holds: () => boolean, deadline: number): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const guard = setTimeout(() => reject(new Error(`${this.#who}: nothing in time`)), deadline)
    try {
      while (!holds()) await Promise.race([this.#changed.promise, late])
    } finally {
      clearTimeout(guard)
    }
  }
}
