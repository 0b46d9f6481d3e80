import { type Answer, ClusterError } from '../types.ts'
import { MalformedError } from './fields.ts'

interface Open {
  resolve(answer: Answer): void
  reject(error: ClusterError): void
}

/** Requests to one node that wait for their answers, by their numbers. */
export class OpenRequests {
  readonly #node: string
  readonly #open = new Map<number, Open>()

  constructor(node: string) {
    this.#node = node
  }

  get size(): number {
    return this.#open.size
  }

  /** Sends a request and waits for its answer. `send` gives its number, or undefined where nothing is sent any more: then it rejects as `gone`. */
  add(send: () => number | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const number = send()
      if (number === undefined) reject(this.#gone())
      else this.#open.set(number, { resolve, reject })
    })
  }

  /** An answer has come, or that there is none. Throws a MalformedError where nobody waits for it. */
  answered(number: number, answer: Answer | undefined): void {
    const open = this.#open.get(number)
    if (open === undefined) throw new MalformedError('an answer without a request')
    this.#open.delete(number)
    if (answer !== undefined) open.resolve(answer)
    else open.reject(new ClusterError('failed', `node ${this.#node} could not handle a frame`))
  }

  /** No answer comes any more: all are rejected as `gone`. */
  end(): void {
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const { reject } of open) reject(this.#gone())
  }

  #gone(): ClusterError {
    return new ClusterError('gone', `node ${this.#node} has gone`)
  }
}
