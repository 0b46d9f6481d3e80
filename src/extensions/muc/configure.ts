/** XEP-0045 §10.2: changing how a room is configured. */
import { randomUUID } from 'node:crypto'
import { type Maybe, then } from '../../core/maybe.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { tellLater } from './answering.ts'
import type { RoomConfig } from './config.ts'
import type { Submitted } from './config-form.ts'
import { roomUser } from './items.ts'
import { expel } from './leave.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Affiliation } from './privileges.ts'
import { forgotten } from './remembered-roles.ts'
import type { Room } from './room.ts'
import { changeAffiliations, type StandingChange } from './standing.ts'
import { tellPresence } from './telling.ts'
import { settleAll } from './visibility.ts'

/** Configures a room, in its lane, and unlocks it; gives what settles when it has been told, which waits for `answered`. */
export async function configure(
  parts: MucParts,
  room: Room,
  wanted: Submitted,
  by: JID,
  answered: Promise<void>,
): Promise<() => Maybe<void>> {
  const before = room.config
  const { config } = wanted
  // Who has voice is settled anew where another rule holds.
  const isOther = config.moderated !== before.moderated
  const voices = forgotten(parts.store, room, isOther ? room.roles.keys() : [])
  const writes = [
    parts.store.room(room, config, false),
    ...voices.writes,
    ...parts.listeners.flatMap(({ keepConfig }) => keepConfig?.(room, config, by) ?? []),
  ]
  const apply = (): void => {
    voices.apply()
    room.config = config
    room.locked = false
  }
  const settle = await changeAffiliations(parts, room, changesOf(room, wanted), by, {
    answered,
    config,
    writes,
    apply,
  })
  const told = tellLater(room, answered, effects(parts, room, before))
  settleAll(parts, room)
  for (const { configured } of parts.listeners) configured?.(room, before, by)
  return () => then(settle(), told)
}

/** XEP-0045 §10.8: the form "specifies the full list of room admins, not the delta". */
function changesOf(room: Room, { config, owners, admins }: Submitted): StandingChange[] {
  const wanted = new Map<string, Affiliation>()
  const lost = config.membersOnly ? 'member' : 'none'
  for (const [user, { affiliation }] of room.affiliates) {
    // XEP-0045 §10.2: who is an owner no more is an admin, unless the admins are listed.
    if (affiliation === 'owner' && owners !== undefined)
      wanted.set(user, admins === undefined ? 'admin' : lost)
    if (affiliation === 'admin' && admins !== undefined) wanted.set(user, lost)
  }
  const users = new Map([...(admins ?? []), ...(owners ?? [])].map(jid => [jid.bare.toString(), jid.bare]))
  const isOwner = (key: string): boolean => room.affiliates.get(key)?.affiliation === 'owner'
  for (const { bare } of admins ?? [])
    if (owners !== undefined || !isOwner(bare.toString())) wanted.set(bare.toString(), 'admin')
  for (const { bare } of owners ?? []) wanted.set(bare.toString(), 'owner')
  return [...wanted]
    .filter(([key, affiliation]) => (room.affiliates.get(key)?.affiliation ?? 'none') !== affiliation)
    .map(([key, affiliation]) => ({ user: users.get(key) ?? JID.parse(key), affiliation }))
}

/** What follows for those who are there, and is to be told them. */
function effects(parts: MucParts, room: Room, before: RoomConfig): (() => void)[] {
  const { config, jid } = room
  const tellings: (() => void)[] = []
  // XEP-0045 §10.2: "the service MUST remove any non-members from the room and include a status code of 322".
  if (config.membersOnly && !before.membersOnly)
    for (const occupant of [...room.occupants])
      if (room.affiliation(occupant.user) === 'none')
        tellings.push(expel(parts, room, occupant, { statuses: [322] }))
  const changed = new Set<Occupant>()
  // Where nobody needs voice, all have it.
  if (before.moderated && !config.moderated)
    for (const occupant of room.occupants)
      if (occupant.role === 'visitor') {
        room.give(occupant, 'participant')
        changed.add(occupant)
      }
  // From now on addresses are for all.
  if (config.whois === 'anyone' && before.whois !== 'anyone')
    for (const occupant of room.occupants) changed.add(occupant)
  const statuses = statusesOf(before, config)
  if (statuses.length > 0) {
    const message = Stanza.build(
      'message',
      { from: jid, id: randomUUID(), type: 'groupchat' },
      roomUser([], statuses),
    )
    tellings.push(() => parts.host.router.tellMany(message, room.audience, jid))
  }
  for (const occupant of changed) tellings.push(() => tellPresence(parts, room, occupant, jid))
  return tellings
}

/** XEP-0045 §10.2.1: what is told of a change: 170 and 171 for the archive, 172 and 173 for addresses, 104 for the rest. */
function statusesOf(before: RoomConfig, now: RoomConfig): number[] {
  const isOther = (Object.keys(now) as (keyof RoomConfig)[]).some(
    key => key !== 'archived' && key !== 'whois' && String(now[key]) !== String(before[key]),
  )
  return [
    ...(isOther ? [104] : []),
    ...(now.archived === before.archived ? [] : [now.archived ? 170 : 171]),
    ...(now.whois === before.whois ? [] : [now.whois === 'anyone' ? 172 : 173]),
  ]
}
