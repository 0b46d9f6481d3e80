/** XEP-0045 §8.2 to XEP-0045 §8.5, XEP-0045 §9.6 to XEP-0045 §9.8: what moderators and admins do with occupants. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import { tellLater } from './answering.ts'
import { expel, removeEmpty } from './leave.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import { mayGiveRole, type Role } from './privileges.ts'
import { remembered } from './remembered-roles.ts'
import type { Room } from './room.ts'
import { actorOf } from './standing.ts'
import { giveRole } from './visibility.ts'

/** What an occupant is to be; `none`: he is kicked. */
export interface RoleChange {
  readonly nick: string
  readonly role: Role
  readonly reason: string | undefined
}

/** Gives occupants roles, all or none of them, in the room's lane. Gives what settles when it has been told; that waits for `answered`. */
export async function giveRoles(
  parts: MucParts,
  room: Room,
  by: JID,
  changes: readonly RoleChange[],
  answered?: Promise<void>,
): Promise<() => Maybe<void>> {
  const made = changes.map(({ nick, ...change }) => ({
    ...change,
    occupant: requireRight(room, by, nick, change.role),
  }))
  const memories = made.map(({ occupant, role }) => remembered(parts, room, occupant.user, role))
  await commit(
    parts.host.storage,
    memories.flatMap(({ writes }) => writes),
    parts.host.log,
  )
  for (const { apply } of memories) apply()
  const actor = actorOf(room, by)
  const tellings = made.map(({ occupant, role, reason }) => {
    const news = { actor, reason }
    // XEP-0045 §8.2: "including status code 307".
    if (role === 'none') return expel(parts, room, occupant, { ...news, statuses: [307] })
    return giveRole(parts, room, occupant, role, news)
  })
  const told = tellLater(room, answered, tellings)
  await removeEmpty(parts, room)
  return told
}

/** Whose role it is; throws the StanzaError that says why it may not be changed so. */
function requireRight(room: Room, by: JID, nick: string, role: Role): Occupant {
  const actor = room.actor(by)
  const standing = { affiliation: room.affiliation(by), role: actor?.role ?? 'none' } as const
  const occupant = room.withNick(nick)
  const whom =
    occupant === undefined
      ? ({ affiliation: 'none', role: 'participant' } as const)
      : { affiliation: room.affiliation(occupant.user), role: occupant.role }
  const verdict = mayGiveRole(standing, whom, role)
  if (verdict === 'forbidden') throw new StanzaError('forbidden')
  if (occupant === undefined) throw new StanzaError('item-not-found')
  // XEP-0045 §8.2: "If a moderator attempts to kick himself, the service MAY deny the request and return a <conflict/> error".
  if (role === 'none' && occupant === actor) throw new StanzaError('conflict')
  if (verdict === 'not-allowed') throw new StanzaError('not-allowed')
  return occupant
}
