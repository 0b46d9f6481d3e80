import { Lane } from '../lane.ts'
import { lastly, type Maybe, then } from '../maybe.ts'
import type { Settle } from '../router.ts'

/** Orders what a sender whose home is another node has sent to accounts of this one, as a session's own lanes do at its home. */
export interface Correspondent {
  readonly preparing: Lane
  readonly settling: Lane
  /** Stanzas that have not settled. */
  stanzas: number
}

/** Senders at other nodes, as long as something of theirs is under way here. */
export class Correspondents {
  readonly #all = new Map<string, Correspondent>()

  /**
   * Prepares a stanza of a sender and settles it, each after all that the same one has sent before (RFC 6120 §10.1). `key`: the sender's session or
   * address. Throws or rejects with what either step throws.
   */
  run(key: string, prepare: (from: Correspondent) => Maybe<Settle>): Maybe<void> {
    const from = this.#at(key)
    from.stanzas++
    // In an object, so that the lane of preparing does not wait for the settling.
    const settling = (): Maybe<{ readonly settled: Maybe<void> }> =>
      then(prepare(from), settle => ({ settled: from.settling.run(settle) }))
    return lastly(
      () => then(from.preparing.run(settling), ({ settled }) => settled),
      () => {
        if (--from.stanzas === 0) this.#all.delete(key)
      },
    )
  }

  #at(key: string): Correspondent {
    const known = this.#all.get(key)
    if (known !== undefined) return known
    const fresh = { preparing: new Lane(), settling: new Lane(), stanzas: 0 }
    this.#all.set(key, fresh)
    return fresh
  }
}
