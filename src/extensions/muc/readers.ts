/** XEP-0313 §5.1.2, XEP-0313 §7.1: who may read what of the archive of a room. */
import { StanzaError } from '../../core/errors.ts'
import type { JID } from '../../xml/jid.ts'
import type { ReadingLimits } from '../archive/index.ts'
import { requireUnlocked } from './in-room.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Room } from './room.ts'

/** From when on somebody may read who may enter; undefined: all. Where members read since they are such, others read nothing old. */
export function readableFrom(room: Room, user: JID, now: number): number | undefined {
  if (room.config.readable === 'all') return undefined
  return room.affiliates.get(user.bare.toString())?.since ?? now
}

/** What somebody may read, now. In the room's lane. Rejects with the StanzaErrors `forbidden`, `item-not-found`. */
export async function readableBy({ host, store }: MucParts, room: Room, who: JID): Promise<ReadingLimits> {
  const { config, jid } = room
  requireUnlocked(room, who)
  const affiliation = room.affiliation(who)
  // XEP-0313 §5.1.2: "MUST check that the user requesting the archive has the right to enter it at the time of the query".
  if (affiliation === 'outcast') throw new StanzaError('forbidden')
  const limits = { start: readableFrom(room, who, host.clock.now()) }
  const isOpen = !config.membersOnly && config.password === ''
  if (isOpen || isAtLeast(affiliation, 'member') || room.occupantsOf(who).length > 0) return limits
  // docs/protocol/groups.md: who was a member of a group reads up to then.
  const former = config.group ? await store.formerOf(jid, who) : undefined
  if (former === undefined) throw new StanzaError('forbidden')
  return { start: config.readable === 'all' ? undefined : former.from, end: former.until }
}

/** Which real addresses somebody gets with messages: those of all senders, those that all occupants got with them, or none. */
export type AddressesShown = 'all' | 'kept' | 'none'

/** XEP-0313 §5.1.2: "has the right to access the sender real JID at the time of the query". */
export function addressesShown(room: Room, who: JID): AddressesShown {
  if (isAtLeast(room.affiliation(who), 'admin') || room.occupant(who)?.role === 'moderator') return 'all'
  return room.config.whois === 'anyone' ? 'kept' : 'none'
}
