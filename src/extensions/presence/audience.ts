import type { Host } from '../../core/host.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import blocking, { type Blocking } from '../blocking/index.ts'

/** Whom the server may tell of a user's presence: what it sends in the user's name passes no guard that would stop it. */
export class Audience {
  readonly #blocking: Blocking | undefined

  constructor(host: Host) {
    this.#blocking = host.find(blocking)
  }

  /** XEP-0191 §3.3: of those who get the owner's presence the ones who are not blocked. At once where the owner's list is in memory. */
  of(owner: JID, contacts: readonly JID[]): Maybe<readonly JID[]> {
    return this.#blocking === undefined ? contacts : this.#blocking.others(owner, contacts)
  }
}
