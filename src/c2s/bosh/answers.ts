import type { BodyAttributes } from './answer.ts'
import type { BoshRequest } from './request.ts'

/** An answer that was sent so long ago, in milliseconds, and is not acknowledged yet may be lost. */
const LATE_MS = 1_000
/** XEP-0124 §22: the schema has no larger number. */
const MOST_LATE_MS = 65_535

/** An answer as it was sent. */
export interface Answer {
  readonly body: Buffer
  /** The key of its request: an exact copy of that has the same. */
  readonly key: string | undefined
  /** When it was sent: monotonic, milliseconds. */
  readonly at: number
}

/**
 * The last answers of a session, for a client that has not received them (XEP-0124 §14.3): as many as it may have requests at a time,
 * since it asks for more only once it has them.
 */
export class Answers {
  readonly #most: number
  /** By the id of their requests, in that order. */
  readonly #sent = new Map<number, Answer>()

  constructor(most: number) {
    this.#most = most
  }

  get(rid: number): Answer | undefined {
    return this.#sent.get(rid)
  }

  add(rid: number, answer: Answer): void {
    this.#sent.set(rid, answer)
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= this.#most) return
      this.#sent.delete(oldest)
    }
  }

  /**
   * XEP-0124 §9.2: a client that acknowledges answers has those up to `ack`, or all to its requests so far. Returns what to tell it about one
   * that may be lost.
   */
  acknowledge({ rid, ack }: BoshRequest, now: number): BodyAttributes | undefined {
    const had = ack ?? rid - 1
    for (const sent of this.#sent.keys()) if (sent <= had) this.#sent.delete(sent)
    const missing = this.#sent.get(had + 1)
    const late = missing === undefined ? 0 : Math.floor(now - missing.at)
    return late < LATE_MS ? undefined : { report: had + 1, time: Math.min(late, MOST_LATE_MS) }
  }
}
