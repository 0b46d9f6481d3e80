/** RFC 6121 §3.1.3: requests for a subscription that wait for the user's answer. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { isAsked, type Roster, type Rosters } from '../roster/index.ts'

/** Longest request that is kept: anybody may send one. */
const MAX_REQUEST_BYTES = 16 * 1024

/** Keeps requests in the roster, and delivers them until they are answered. */
export class Requests {
  readonly #rosters: Rosters
  readonly #most: number

  /** `most`: requests that wait for one user. */
  constructor(rosters: Rosters, most: number) {
    this.#rosters = rosters
    this.#most = most
  }

  /** What is stored of a request. Throws a StanzaError where it can't be kept: strangers must not fill the storage. */
  pack(request: Stanza, roster: Roster): string {
    if (request.size > MAX_REQUEST_BYTES)
      throw new StanzaError('policy-violation', { text: 'the request is too long to be kept' })
    if (roster.which(isAsked).length >= this.#most)
      throw new StanzaError('resource-constraint', { text: 'too many requests wait for this user' })
    return request.pack().toString()
  }

  /** Sends a session that has become available what waits: RFC 6121 §3.1.3 rule 3. */
  deliver(session: Session, roster: Roster): Maybe<void> {
    const waiting = roster.which(isAsked)
    if (waiting.length > 0) return this.#send(session, waiting)
  }

  async #send(session: Session, waiting: readonly JID[]): Promise<void> {
    for (const contact of waiting) {
      const row = await this.#rosters.rows.get(session.jid.bare, contact)
      if (row?.request !== undefined) session.send(Stanza.unpack(Buffer.from(row.request)))
    }
  }
}
