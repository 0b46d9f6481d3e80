/** PBKDF2 (RFC 8018), off the main thread and bounded, so that a flood of passwords slows only passwords. */
import { pbkdf2 } from 'node:crypto'
import { TidingsError } from '../core/errors.ts'
import { SCRAM_HASHES, type ScramHash } from './scram.ts'

/** Runs PBKDF2 in libuv's pool, some at a time; the rest waits in order. */
export class Derivation {
  private readonly concurrency: number
  private readonly queue: number
  private running = 0
  private readonly waiting: (() => void)[] = []

  /** `concurrency`: runs at a time; `queue`: runs that may wait. */
  constructor(concurrency: number, queue: number) {
    this.concurrency = concurrency
    this.queue = queue
  }

  /** SaltedPassword of RFC 5802 §3. `password` is prepared. Rejects with a TidingsError `TIDINGS_AUTH_BUSY` if too many wait. */
  async saltedPassword(hash: ScramHash, password: string, salt: Buffer, iterations: number): Promise<Buffer> {
    await this.turn()
    try {
      const { digest, length } = SCRAM_HASHES[hash]
      return await new Promise((resolve, reject) =>
        pbkdf2(password, salt, iterations, length, digest, (error, key) =>
          error ? reject(error) : resolve(key),
        ),
      )
    } finally {
      // Whoever waits longest takes over this place, so `running` stays.
      const next = this.waiting.shift()
      if (next === undefined) this.running--
      else next()
    }
  }

  private turn(): Promise<void> | undefined {
    if (this.running < this.concurrency) {
      this.running++
      return undefined
    }
    if (this.waiting.length >= this.queue)
      throw new TidingsError(
        'TIDINGS_AUTH_BUSY',
        `More than ${this.queue} passwords wait to be checked; try again later.`,
      )
    return new Promise(resolve => this.waiting.push(resolve))
  }
}
