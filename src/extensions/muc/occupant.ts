import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Role } from './privileges.ts'

/** One connected resource of an occupant. */
export interface OccupantSession {
  /** Full JID. */
  readonly jid: JID
  /** The last presence that it sent to the room, without what is the room's to say. */
  presence: Stanza
}

/** Somebody in a room under a nick, with one session or more (XEP-0045 §7.2.8 "Multiple Sessions Per Nickname" in 1.35). */
export interface Occupant {
  nick: string
  /** Real bare JID. */
  readonly user: JID
  role: Role
  /** Others are not told of him: `visibility.ts`. */
  hidden?: boolean
  /** XEP-0421 */
  readonly id: string
  /** By full JID, in the order they came. */
  readonly sessions: Map<string, OccupantSession>
}
