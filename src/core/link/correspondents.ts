import { Lane } from '../lane.ts'
import { type Maybe, then } from '../maybe.ts'
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
   * address. Rejects with what either step throws.
   */
  async run(key: string, prepare: (from: Correspondent) => Maybe<Settle>): Promise<void> {
    const from = this.#all.get(key) ?? { preparing: new Lane(), settling: new Lane(), stanzas: 0 }
    this.#all.set(key, from)
    from.stanzas++
    try {
      // In an object, so that the lane of preparing does not wait for the settling.
      const { settled } = await from.preparing.run(() =>
        then(prepare(from), settle => ({ settled: from.settling.run(settle) })),
      )
      await settled
    } finally {
      if (--from.stanzas === 0) this.#all.delete(key)
    }
  }
}
