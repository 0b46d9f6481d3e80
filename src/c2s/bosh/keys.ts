import { createHash } from 'node:crypto'
import type { BoshRequest } from './request.ts'

/** XEP-0124 §15: a sequence of keys, so that who only listens can't add requests of his own to a session. */
export class KeySequence {
  /** What the hash of the next key must be, in lower case; undefined where the client wants no keys. */
  #next: string | undefined

  /** Begins with the key of the request for the session. */
  constructor({ newKey }: BoshRequest) {
    this.#next = newKey?.toLowerCase()
  }

  /** Takes the key of the next request, in their order; false: it is not the one. */
  accept({ key, newKey }: BoshRequest): boolean {
    if (this.#next === undefined) return true
    if (key === undefined || hashOf(key) !== this.#next) return false
    // XEP-0124 §15.4: compared without regard to case.
    this.#next = (newKey ?? key).toLowerCase()
    return true
  }
}

/** XEP-0124 §15.3: SHA-1, whatever has become of it elsewhere. */
function hashOf(key: string): string {
  return createHash('sha1').update(key).digest('hex')
}
