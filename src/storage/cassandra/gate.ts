/** Lets so many tasks run at once; the others wait in line. */
export class Gate {
  readonly #most: number
  readonly #line: (() => void)[] = []
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) await new Promise<void>(resolve => this.#line.push(resolve))
    else this.#running++
    try {
      return await task()
    } finally {
      // Whoever is next takes this place.
      const next = this.#line.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

/** Does something with each of these, some at once. Rejects with the first failure, when none is running any more. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = Iterator.from(items)
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const item of left) {
      if (failures.length > 0) return
      await work(item).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (failures.length > 0) throw failures[0]
}
