/** XEP-0045 §7.2.2, `muc#roomconfig_presencebroadcast`: of whom the others in a room are told. An occupant himself always is. */
import type { PresentRole } from './config.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Role } from './privileges.ts'
import type { Room } from './room.ts'
import { type News, tellHidden, tellPresence, tellStanding } from './telling.ts'

function isTold({ config }: Room, role: Role): boolean {
  return config.presence.includes(role as PresentRole)
}

/** Whether others are not told of one who comes now with this role. */
export function isHiddenAt({ limits }: MucParts, room: Room, role: Role): boolean {
  return !isTold(room, role) || (role !== 'moderator' && room.size >= limits.presence)
}

/** Whether what an occupant says of itself is not told, there being too many. Those who know of him still hear when he goes. */
export function isQuiet({ limits }: MucParts, room: Room, { role }: Occupant): boolean {
  return role !== 'moderator' && room.size > limits.presence
}

/**
 * Decides, in the lane of the room, whether others are told of an occupant; undefined where that is as it was. Who is shown when a room comes to
 * be too large stays that until he goes: nobody is told of many at once.
 */
function decide(parts: MucParts, room: Room, occupant: Occupant): 'hidden' | 'shown' | undefined {
  const was = occupant.hidden === true
  const is = !isTold(room, occupant.role) || (was && isQuiet(parts, room, occupant))
  if (is === was) return undefined
  room.hide(occupant, is)
  return is ? 'hidden' : 'shown'
}

/** Gives an occupant another role, in the lane of the room; gives what tells it: to whoever was told of him, the end, too, if he is not shown any more. */
export function giveRole(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  role: Role,
  news: News,
): () => void {
  const before = occupant.role
  room.give(occupant, role)
  // He may have gone when it is told: as he was, he is shown no more.
  const sessions = new Map(occupant.sessions)
  const isHiddenNow = decide(parts, room, occupant) === 'hidden'
  return () => {
    tellStanding(parts, room, occupant, before, news)
    if (isHiddenNow) tellHidden(parts, room, occupant, sessions)
  }
}

/** Somebody has gone, or the room is configured otherwise: all of whom others are to be told now, or are not any more. */
export function settleAll(parts: MucParts, room: Room): void {
  for (const occupant of room.occupants) {
    const sessions = new Map(occupant.sessions)
    const verdict = decide(parts, room, occupant)
    if (verdict === undefined) continue
    const told = room.tell(() => {
      if (verdict === 'hidden') tellHidden(parts, room, occupant, sessions)
      else
        for (const { jid } of [...occupant.sessions.values()].slice(0, 1))
          tellPresence(parts, room, occupant, jid)
    })
    parts.host.background.run('muc', told)
  }
}
