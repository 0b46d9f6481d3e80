/** XEP-0045 §7.2.2 to XEP-0045 §7.2.4: what occupants are told of each other. */
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { type Item, item, roomUser, seesAddresses } from './items.ts'
import type { Occupant } from './occupant.ts'
import { occupantId } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import type { Role } from './privileges.ts'
import type { Room } from './room.ts'

/** What is said of an occupant besides how it is. */
export interface News {
  /** Who did it, and why. */
  readonly actor?: string | undefined
  readonly reason?: string | undefined
  /** The new nick, in the unavailable presence of the old one: XEP-0045 §7.6. */
  readonly nick?: string
  /** For everybody; ascending. */
  readonly statuses?: readonly number[]
  /** For the occupant alone. */
  readonly ownStatuses?: readonly number[]
}

/** The newest presence of the session that speaks for an occupant: of the highest priority, or the last to come. */
function presenceOf(occupant: Occupant): Stanza | undefined {
  let best: Stanza | undefined
  let most = Number.NEGATIVE_INFINITY
  for (const { presence } of occupant.sessions.values()) {
    const priority = Number(presence.child('priority', NS.client)?.getText() ?? 0)
    if (priority >= most) {
      most = priority
      best = presence
    }
  }
  return best
}

/** The available presence of an occupant, for one who does or does not see addresses. */
function available(room: Room, occupant: Occupant, withAddress: boolean, news: News, own: boolean): Stanza {
  const presence = presenceOf(occupant) ?? Stanza.build('presence', { from: room.addressOf(occupant) })
  return withNews(room, occupant, presence, withAddress, news, own)
}

function withNews(
  room: Room,
  occupant: Occupant,
  presence: Stanza,
  withAddress: boolean,
  { actor, reason, nick, statuses = [], ownStatuses = [] }: News,
  own: boolean,
): Stanza {
  const what: Item = {
    affiliation: room.affiliation(occupant.user),
    role: occupant.role,
    ...(withAddress && { jid: addressOf(occupant) }),
    ...(nick !== undefined && { nick }),
    ...(actor !== undefined && { actor }),
    ...(reason !== undefined && { reason }),
  }
  // XEP-0045 §7.2.2: 110 in what an occupant is told of itself.
  const codes = own ? [...statuses, ...ownStatuses, 110].sort((one, other) => one - other) : statuses
  return presence
    .with({ from: room.addressOf(occupant), to: undefined })
    .plus(occupantId(occupant.id))
    .plus(roomUser([item(what)], codes))
}

/** The full JID of the first session, while there is one. */
function addressOf({ sessions, user }: Occupant): JID {
  for (const { jid } of sessions.values()) return jid
  return user
}

/** What others see of an occupant with several sessions: where it is the same as before there is nothing to tell. */
export function face(occupant: Occupant): string {
  return `${addressOf(occupant)} ${presenceOf(occupant)?.bytesOfContent ?? ''}`
}

/** Tells everybody how an occupant is now: those who see addresses, those who do not, and its own sessions. `from`: who blocks it is not told; `but`: a session that is told by itself. */
export function tellPresence(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  from: JID,
  news: News = {},
  but?: JID,
): void {
  const make = (own: boolean) => (withAddress: boolean) => available(room, occupant, withAddress, news, own)
  tell(parts, room, occupant, from, make, but)
}

/** XEP-0045 §7.6: the old nick of an occupant who has another one now ends. `from`: who blocks it is not told. */
export function tellRenamed(parts: MucParts, room: Room, occupant: Occupant, before: JID, from: JID): void {
  const presence = Stanza.build('presence', { from: before, type: 'unavailable' })
  const old = { ...occupant, nick: before.resource }
  const news = { nick: occupant.nick, statuses: [303] }
  tell(
    parts,
    room,
    occupant,
    from,
    own => withAddress => withNews(room, old, presence, withAddress, news, own),
  )
}

/** Tells everybody of an occupant who has gone, be it from `occupants` already. `presence` is what its client said, if it said something. */
export function tellGone(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  presence: Stanza,
  news: News = {},
): void {
  const role = occupant.role
  occupant.role = 'none'
  tell(
    parts,
    room,
    occupant,
    presence.from,
    own => withAddress =>
      withNews(room, occupant, presence.with({ type: 'unavailable' }), withAddress, news, own),
  )
  occupant.role = role
}

/** Others are not told of an occupant any more: to them he is gone. `sessions`: those that he had when this was decided. */
export function tellHidden(
  { host }: MucParts,
  room: Room,
  occupant: Occupant,
  sessions: Occupant['sessions'],
): void {
  const gone = { ...occupant, role: 'none', sessions } as const
  const presence = Stanza.build('presence', { from: addressOf(gone), type: 'unavailable' })
  for (const withAddress of [true, false]) {
    const to = room.sessionsOf(other => other !== occupant && seesAddresses(room, other) === withAddress)
    if (to.length > 0)
      host.router.tellMany(withNews(room, gone, presence, withAddress, {}, false), to, addressOf(gone))
  }
}

function tell(
  { host }: MucParts,
  room: Room,
  occupant: Occupant,
  from: JID,
  make: (own: boolean) => (withAddress: boolean) => Stanza,
  but?: JID,
): void {
  const seeing: JID[] = []
  const others: JID[] = []
  const own = [...occupant.sessions.values()]
    .map(({ jid }) => jid)
    .filter(jid => but === undefined || !jid.equals(but))
  // XEP-0045 §7.2.2: "Unless the room is configured to not broadcast presence"; of a copy that has gone, too.
  for (const other of occupant.hidden ? [] : room.occupants)
    if (other !== occupant)
      for (const { jid } of other.sessions.values()) (seesAddresses(room, other) ? seeing : others).push(jid)
  // XEP-0045 §7.2.2: "the service MUST first send the complete list [...] and only then the new occupant's own presence": others hear of it first.
  const forOthers = make(false)
  if (seeing.length > 0) host.router.tellMany(forOthers(true), seeing, from)
  if (others.length > 0) host.router.tellMany(forOthers(false), others, from)
  // Its own address is nothing new to it.
  if (own.length > 0) host.router.tellMany(make(true)(true), own, room.jid)
}

/** XEP-0045 §7.2.2: the presence of all who are there, for one who comes. */
export function tellOccupants({ host }: MucParts, room: Room, to: JID, newcomer: Occupant): void {
  const withAddress = seesAddresses(room, newcomer)
  for (const occupant of room.occupants)
    if (occupant !== newcomer && !occupant.hidden)
      host.router.tellMany(
        available(room, occupant, withAddress, {}, false),
        [to],
        occupant.sessions.values().next().value?.jid ?? room.jid,
      )
}

/** Tells everybody of an occupant who stands otherwise than before. */
export function tellStanding(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  before: Role,
  news: News,
): void {
  tellPresence(parts, room, occupant, room.jid, news)
  // XEP-0045 §8: a moderator is to "discover an occupant's full JID in a semi-anonymous room (occurs automatically through presence)".
  if (occupant.role === 'moderator' && before !== 'moderator' && room.config.whois === 'moderators')
    for (const { jid } of occupant.sessions.values()) tellOccupants(parts, room, jid, occupant)
}

/** XEP-0045 §7.2.2: what a session is told of its own occupant, when it comes to one that is there. */
export function tellSelf({ host }: MucParts, room: Room, to: JID, occupant: Occupant, news: News): void {
  host.router.tellMany(available(room, occupant, true, news, true), [to], room.jid)
}

/** XEP-0045 §7.14: what a session is told that leaves while others of its occupant stay, or of which nobody else is told. */
export function tellSelfGone(
  { host }: MucParts,
  room: Room,
  gone: Occupant,
  presence: Stanza,
  news: News = {},
): void {
  const left = { ...gone, role: 'none' } as const
  const to = [...gone.sessions.values()].map(({ jid }) => jid)
  host.router.tellMany(
    withNews(room, left, presence.with({ type: 'unavailable' }), true, news, true),
    to,
    room.jid,
  )
}
