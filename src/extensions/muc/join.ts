/** XEP-0045 §7.2: entering a room; XEP-0045 §10.1: making one by that. */

import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { DEFAULT_CONFIG } from './config.ts'
import { historyWish, sendHistory } from './history.ts'
import { requireUnlocked } from './in-room.ts'
import { withoutOurs } from './items.ts'
import { sendRequests } from './join-requests.ts'
import { linkOf, redeem } from './links.ts'
import { requireFree } from './nicks.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import { entryRole } from './remembered-roles.ts'
import { Room } from './room.ts'
import { sendSubject } from './subject.ts'
import { face, tellOccupants, tellPresence, tellSelf } from './telling.ts'
import { isHiddenAt } from './visibility.ts'

/** Has somebody enter; gives what settles when it has been told. */
export async function join(
  parts: MucParts,
  existing: Room | undefined,
  stanza: Stanza,
): Promise<() => Maybe<void>> {
  const { from } = stanza
  const nick = stanza.to!.resource
  const x = stanza.child('x', NS.room)
  const room = existing ?? (await create(parts, stanza.to!.bare, from))
  const isNew = existing === undefined
  // Who is there stays, whatever it says of itself.
  const isThere = isNew || room.occupant(from) !== undefined
  const link = isThere ? undefined : await linkOf(parts, room, from, x)
  if (!isThere) requireEntry(room, from, x, link !== undefined)
  requireFree(room, nick, from)
  const there = room.withNick(nick)
  // More nicks of one user are for whoever has several roles in a room, and not for filling it.
  if (there === undefined && room.occupantsOf(from).length >= parts.limits.nicks)
    throw new StanzaError('resource-constraint', { text: 'too many nicks in this room' })
  const isFull = there === undefined && room.size >= Math.min(room.config.maxUsers, parts.limits.occupants)
  // XEP-0045 §7.2.9: admins and owners come in all the same.
  if (isFull && !isAtLeast(room.affiliation(from), 'admin'))
    throw new StanzaError('service-unavailable', { type: 'wait' })
  if (link !== undefined) await redeem(parts, room, from, link)
  const role = entryRole(room, from)
  const occupant: Occupant = there ?? {
    nick,
    user: from.bare,
    role,
    ...(isHiddenAt(parts, room, role) && { hidden: true }),
    id: parts.ids.of(room.jid, from),
    sessions: new Map(),
  }
  const before = there === undefined ? '' : face(there)
  room.enter(occupant, from, { jid: from, presence: withoutOurs(stanza) })
  const isChanged = there !== undefined && face(there) !== before
  const wish = historyWish(x, room.config.history, parts.host.clock.now())
  const told = room.tell(async () => {
    tellOccupants(parts, room, from, occupant)
    const ownStatuses = statusesFor(room, isNew)
    if (there === undefined) tellPresence(parts, room, occupant, from, { ownStatuses })
    else {
      // XEP-0045 §7.2.8: a further session; XEP-0045 §17.3: one that enters again. Others hear of it if they see something else now.
      if (isChanged) tellPresence(parts, room, occupant, from, {}, from)
      tellSelf(parts, room, from, occupant, { ownStatuses })
    }
    await sendHistory(parts, room, from, wish)
    sendSubject(parts, room, from)
    sendRequests(parts, room, from)
  })
  return () => told
}

/** XEP-0045 §7.2.3 to XEP-0045 §7.2.12: 100: everybody sees addresses; 170: what is said is kept; 201: it was made now. */
function statusesFor({ config }: Room, isNew: boolean): number[] {
  return [
    ...(config.whois === 'anyone' ? [100] : []),
    ...(config.archived ? [170] : []),
    ...(isNew ? [201] : []),
  ]
}

/** XEP-0045 §10.1.1: the room is made, and whoever made it is its owner; it is locked until it is configured, or accepted as it is. */
async function create(parts: MucParts, jid: JID, owner: JID): Promise<Room> {
  const { host, store, rooms, listeners } = parts
  await requireCreator(parts, owner)
  const created = host.clock.now()
  const affiliate = { affiliation: 'owner', since: created } as const
  const user = owner.bare.toString()
  const config = DEFAULT_CONFIG
  const room = new Room(jid, {
    config,
    locked: true,
    created,
    subject: undefined,
    affiliates: new Map([[user, affiliate]]),
    roles: new Map(),
  })
  await commit(
    host.storage,
    [
      store.room({ jid, created }, config, true),
      store.affiliate(jid, user, affiliate),
      ...listeners.flatMap(({ keep }) => keep?.(room, config, owner.bare, undefined, affiliate, owner) ?? []),
    ],
    host.log,
  )
  await rooms.add(room)
  for (const { changed } of listeners) changed?.(room, owner.bare, undefined, affiliate, owner)
  return room
}

/** Who may make rooms: users of this host, or its administrators alone. */
async function requireCreator({ host, limits, memberships }: MucParts, who: JID): Promise<void> {
  // XEP-0045 §7.2.1, XEP-0045 §10.1.1: "if the user is not allowed to create rooms": not-allowed.
  if (who.domain !== host.domain || who.local === '') throw new StanzaError('not-allowed')
  if (limits.creators === 'admins' && !(await host.isAdmin(who.bare))) throw new StanzaError('not-allowed')
  if ((await memberships.owned(who.bare)) >= limits.owned)
    throw new StanzaError('resource-constraint', { text: 'you own too many rooms' })
}

/** XEP-0045 §7.2.5 to XEP-0045 §7.2.11: what has to be so before somebody enters. */
function requireEntry(room: Room, from: JID, x: Element | undefined, byLink: boolean): void {
  const affiliation = room.affiliation(from)
  const { config } = room
  requireUnlocked(room, from)
  // XEP-0045 §7.2.7
  if (affiliation === 'outcast') throw new StanzaError('forbidden')
  if (byLink) return
  // XEP-0045 §7.2.6
  if (config.membersOnly && affiliation === 'none') throw new StanzaError('registration-required')
  // XEP-0045 §7.2.5; owners know it, or can look it up.
  if (
    config.password !== '' &&
    affiliation !== 'owner' &&
    x?.getChildText('password', NS.room) !== config.password
  )
    throw new StanzaError('not-authorized')
}
