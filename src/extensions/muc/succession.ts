/** What becomes of a room when the account of somebody is removed who belonged to it. */
import type { Maybe } from '../../core/maybe.ts'
import { JID } from '../../xml/jid.ts'
import { destroy } from './destroy.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Room } from './room.ts'
import { changeAffiliations } from './standing.ts'

/**
 * `muc:removed`, in the lane of the room: nothing is left to whoever has the account's name next. Where it was the last owner, whoever has
 * been an admin longest is the owner now, or else a member. Nobody could say any more what becomes of a room without either: it ends with its last occupant, and
 * at once where none could enter.
 */
export async function removeUser(parts: MucParts, jid: JID, user: string): Promise<() => Maybe<void>> {
  const room = await parts.rooms.find(jid)
  const affiliate = room?.affiliates.get(user)
  if (room === undefined || affiliate === undefined) return () => undefined
  const gone = { user: JID.parse(user), affiliation: 'none' } as const
  if (affiliate.affiliation !== 'owner' || isOwned(room, user))
    return changeAffiliations(parts, room, [gone], gone.user)
  const heir = heirOf(room, user)
  if (heir !== undefined)
    return changeAffiliations(parts, room, [gone, { user: JID.parse(heir), affiliation: 'owner' }], room.jid)
  if (room.config.membersOnly || room.locked || room.size === 0)
    return destroy(parts, room, { reason: 'There is nobody any more who could run this room.' })
  const config = { ...room.config, persistent: false }
  return changeAffiliations(parts, room, [gone], room.jid, {
    config,
    ownerless: true,
    writes: [parts.store.room(room, config, room.locked)],
    apply: () => {
      room.config = config
    },
  })
}

function isOwned(room: Room, without: string): boolean {
  for (const [user, { affiliation }] of room.affiliates)
    if (user !== without && affiliation === 'owner') return true
  return false
}

/** Of the admins the one who has been there longest, or else of the members. */
function heirOf(room: Room, without: string): string | undefined {
  const all = [...room.affiliates].filter(
    ([user, { affiliation }]) => user !== without && isAtLeast(affiliation, 'member'),
  )
  const admins = all.filter(([, { affiliation }]) => affiliation === 'admin')
  const [heir] = (admins.length > 0 ? admins : all).toSorted(([, a], [, b]) => a.since - b.since)
  return heir?.[0]
}
