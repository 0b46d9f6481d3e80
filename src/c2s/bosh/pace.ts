import { type BoshRequest, isEmpty } from './request.ts'

/** What a session lets its client do. */
export interface PaceRules {
  /** Requests at a time. */
  readonly requests: number
  /** The shortest time between two requests that only ask, in milliseconds. */
  readonly polling: number
  /** The client asks now and then instead of being kept waiting: XEP-0124 §12. */
  readonly polls: boolean
}

/** Repeated requests between two new ones: who repeats for ever takes much and gives nothing. */
const MOST_REPEATS = 20

/** Whether a client asks too much: XEP-0124 §11, §12. */
export class Pace {
  readonly #rules: PaceRules
  #last: { readonly at: number; readonly empty: boolean } | undefined
  #repeats = 0
  /** The last answer brought something. */
  answered = false

  constructor(rules: PaceRules) {
    this.#rules = rules
  }

  /** Takes note of a new request; `open` requests, this one included, have no answer yet. False: it is one too many. */
  allows(request: BoshRequest, open: number, now: number): boolean {
    const { requests, polling, polls } = this.#rules
    const last = this.#last
    const empty = isEmpty(request)
    this.#last = { at: now, empty }
    this.#repeats = 0
    // XEP-0124 §11: one more to pause or to end.
    if (request.pause !== undefined || request.terminate) return open <= requests + 1
    if (open > requests) return false
    if (!empty || last === undefined || now - last.at >= polling) return true
    return polls ? !last.empty || this.answered : open < requests
  }

  /** Takes note of a repeated request. False: there have been too many (XEP-0124 §14.3). */
  allowsRepeat(): boolean {
    return ++this.#repeats <= MOST_REPEATS
  }
}
