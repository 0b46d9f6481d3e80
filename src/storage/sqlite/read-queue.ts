import type { StorageError } from '../types.ts'
import { fromPlain } from './errors.ts'
import type { FromReader, Reads, Request } from './reader-message.ts'

interface Asking {
  readonly resolve: (answer: never) => void
  readonly reject: (error: StorageError) => void
}

/** Questions on their way to the reader. Those of a tick go as one message. */
export class ReadQueue {
  readonly #post: (requests: readonly Request[]) => void
  readonly #asking = new Map<number, Asking>()
  #requests: Request[] = []
  #next = 1
  #failure: StorageError | undefined

  constructor(post: (requests: readonly Request[]) => void) {
    this.#post = post
  }

  /** Asks one question. */
  ask<K extends keyof Reads>(read: K, ask: Reads[K]['ask']): Promise<Reads[K]['answer']> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#requests.length === 0) setImmediate(() => this.#send())
    const number = this.#next++
    this.#requests.push({ number, read, ask } as Request)
    return new Promise((resolve, reject) => {
      this.#asking.set(number, { resolve, reject })
    })
  }

  #send(): void {
    const requests = this.#requests
    this.#requests = []
    if (requests.length > 0) this.#post(requests)
  }

  /** The reader has some answers. */
  onAnswers(answers: FromReader): void {
    for (const { number, answer, error } of answers) {
      const asking = this.#asking.get(number)
      this.#asking.delete(number)
      if (error !== undefined) asking?.reject(fromPlain(error))
      else asking?.resolve(answer as never)
    }
  }

  /** The reader is gone, or not wanted any more: what waits, and whatever comes later, fails. */
  fail(error: StorageError): void {
    this.#failure = error
    this.#requests = []
    for (const { reject } of this.#asking.values()) reject(error)
    this.#asking.clear()
  }
}
