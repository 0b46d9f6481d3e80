/** XEP-0045 §5.2.2: changing affiliations; the one place where it is done, whoever wants it. */
import { randomUUID } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { tellLater } from './answering.ts'
import type { RoomConfig } from './config.ts'
import { item, roomUser, seesAddresses } from './items.ts'
import { expel, removeEmpty } from './leave.ts'
import { requireFree } from './nicks.ts'
import type { MucParts } from './parts.ts'
import { type Affiliation, roleAfter } from './privileges.ts'
import { forgotten } from './remembered-roles.ts'
import type { Affiliate, Room } from './room.ts'
import type { News } from './telling.ts'
import { giveRole } from './visibility.ts'

/** What somebody is to be. */
export interface StandingChange {
  /** Any address of his; a domain can only be banned, and not be banned any more. */
  readonly user: JID
  readonly affiliation: Affiliation
  /** The nick that is reserved for him: '' for none, absent for the one that he has. */
  readonly nick?: string | undefined
  readonly reason?: string | undefined
}

/** What goes with a change of affiliations. */
interface Along {
  /** The answer to whoever asked for it is sent; nobody is told before. */
  readonly answered?: Promise<void>
  /** How the room is configured from then on. */
  readonly config?: RoomConfig
  /** Stored in the same commit. */
  readonly writes?: readonly Write[]
  /** Whose link it came about by; bare. */
  readonly link?: JID
  /** Done as soon as it is stored. */
  readonly apply?: () => void
  /** Nobody need be an owner afterwards. */
  readonly ownerless?: true
}

/** One change as it is made. */
interface Change extends StandingChange {
  readonly key: string
  readonly before: Affiliate | undefined
  readonly after: Affiliate | undefined
  /** As the affiliation was, be it that of his domain. */
  readonly was: Affiliation
}

/**
 * Changes affiliations, all or none of them, in the room's lane: stores them, has those leave who may not stay, and tells everybody. Whether
 * `by` may do that is for the caller to see to. Gives what settles when it has been told; that waits for `answered`. Throws the StanzaErrors
 * `conflict` (no owner would be left; a nick is another's), `jid-malformed`.
 */
export async function changeAffiliations(
  parts: MucParts,
  room: Room,
  changes: readonly StandingChange[],
  by: JID,
  { answered, config = room.config, writes = [], link, apply: also, ownerless }: Along = {},
): Promise<() => Maybe<void>> {
  const made = prepare(parts, room, changes)
  if (ownerless !== true) requireOwner(room, made)
  requireRoom(parts, room, config, made)
  const { host, store, listeners } = parts
  const stored = made.flatMap(({ key, before, after }) => [
    store.affiliate(room.jid, key, after),
    ...formerWrites(parts, room, key, before, after),
    // Whoever has a standing waits for none.
    ...(room.requests.has(key) && after !== undefined ? [store.request(room.jid, key, undefined)] : []),
  ])
  const kept = made.flatMap(({ user, before, after }) =>
    listeners.flatMap(({ keep }) => keep?.(room, config, user.bare, before, after, by) ?? []),
  )
  // What moderators gave somebody goes with what he was.
  const voices = forgotten(
    store,
    room,
    made.filter(({ after, was }) => (after?.affiliation ?? 'none') !== was).map(({ key }) => key),
  )
  await commit(host.storage, [...writes, ...stored, ...kept, ...voices.writes], host.log)
  also?.()
  voices.apply()
  for (const { key, after } of made)
    if (after === undefined) room.affiliates.delete(key)
    else {
      room.affiliates.set(key, after)
      room.requests.delete(key)
    }
  for (const { user, before, after } of made)
    for (const { changed } of listeners) changed?.(room, user.bare, before, after, by, link)
  const actor = actorOf(room, by)
  const { size } = room
  const tellings = made.flatMap(change => apply(parts, room, change, actor))
  const told = tellLater(room, answered, tellings)
  // A room that nobody was in is as it was.
  if (room.size < size) await removeEmpty(parts, room)
  return told
}

/** Who was a member of a group reads on up to now, unless he is banned; who comes back is one of them again. How far he had come is forgotten. */
function formerWrites(
  { host, store, marks }: MucParts,
  { jid, config }: Room,
  user: string,
  before: Affiliate | undefined,
  after: Affiliate | undefined,
): Write[] {
  const was = before !== undefined && before.affiliation !== 'outcast'
  const is = after !== undefined && after.affiliation !== 'outcast'
  const forgotten = was && !is ? [marks.forget(jid, user)] : []
  if (!config.group) return forgotten
  if (after !== undefined) return [...forgotten, store.former(jid, user, undefined)]
  if (!was) return forgotten
  return [...forgotten, store.former(jid, user, { from: before.since, until: host.clock.now() })]
}

/** The nick of somebody who does something, if he is in the room: addresses are not for everybody. */
export function actorOf(room: Room, by: JID): string | undefined {
  return room.actor(by)?.nick
}

function prepare({ host }: MucParts, room: Room, changes: readonly StandingChange[]): Change[] {
  const made = new Map<string, Change>()
  for (const change of changes) {
    const user = change.user.bare
    const { affiliation, nick, reason } = change
    if (user.local === '' && affiliation !== 'outcast' && affiliation !== 'none')
      throw new StanzaError('jid-malformed', { text: 'a domain can be banned and nothing else' })
    const key = user.toString()
    const before = room.affiliates.get(key)
    if (nick !== undefined && nick !== '') requireFree(room, nick, user)
    // XEP-0045 §9.1: "MUST remove the outcast's nickname from the list of registered nicknames".
    const kept = affiliation === 'outcast' ? undefined : (nick ?? before?.nick)
    const isNew = before === undefined || before.affiliation === 'outcast' || affiliation === 'outcast'
    const after: Affiliate | undefined =
      affiliation === 'none'
        ? undefined
        : {
            affiliation,
            since: isNew ? host.clock.now() : before.since,
            ...(kept !== undefined && kept !== '' && { nick: kept }),
            ...(reason !== undefined && reason !== '' && { reason }),
            ...(!isNew && before.muted !== undefined && { muted: before.muted }),
          }
    made.set(key, { ...change, user, key, before, after, was: room.affiliation(user) })
  }
  requireDifferentNicks([...made.values()])
  return [...made.values()]
}

/** Two cannot have the same nick in one request either. */
function requireDifferentNicks(changes: readonly Change[]): void {
  const nicks = changes.map(({ nick }) => nick).filter(nick => nick !== undefined && nick !== '')
  if (new Set(nicks).size < nicks.length) throw new StanzaError('conflict')
}

/** XEP-0045 §10.4: "A service MUST NOT allow an owner to revoke his or her own owner status if there are no other owners". */
function requireOwner(room: Room, changes: readonly Change[]): void {
  const owners = new Set<string>()
  for (const [key, { affiliation }] of room.affiliates) if (affiliation === 'owner') owners.add(key)
  const had = owners.size
  for (const { key, affiliation } of changes)
    if (affiliation === 'owner') owners.add(key)
    else owners.delete(key)
  if (had > 0 && owners.size === 0) throw new StanzaError('conflict')
}

/** Throws the StanzaError `resource-constraint` if there would be more affiliates, or members of a group, than may be. */
function requireRoom({ limits }: MucParts, room: Room, config: RoomConfig, changes: readonly Change[]): void {
  const after = new Map<string, Affiliate | undefined>(room.affiliates)
  for (const change of changes) after.set(change.key, change.after)
  const all = [...after.values()].filter(affiliate => affiliate !== undefined)
  const members = all.filter(({ affiliation }) => affiliation !== 'outcast').length
  const had = [...room.affiliates.values()].filter(({ affiliation }) => affiliation !== 'outcast').length
  const isTooMany = all.length > limits.affiliations && all.length > room.affiliates.size
  // Where an option has become less, what is there stays.
  if (isTooMany || (config.group && members > limits.group && (members > had || !room.config.group)))
    throw new StanzaError('resource-constraint', { type: 'cancel', text: 'too many affiliates' })
}

/** What a change means for those who are in the room; gives what tells it. */
function apply(parts: MucParts, room: Room, change: Change, actor: string | undefined): (() => void)[] {
  const { user, was, reason } = change
  const news = { actor, reason }
  // Of a domain, those who have a standing of their own keep it.
  const there = room
    .occupantsOf(user)
    .filter(occupant => user.local !== '' || !room.affiliates.has(occupant.user.toString()))
  if (there.length === 0) return user.local === '' ? [] : [() => tellOfAbsent(parts, room, change, news)]
  return there.map(occupant => {
    const now = room.affiliation(occupant.user)
    if (now === 'outcast') return expel(parts, room, occupant, { ...news, statuses: [301] })
    // XEP-0045 §9.4: "If the room is members-only, the service MUST remove the user from the room, including a status code of 321".
    if (now === 'none' && room.config.membersOnly)
      return expel(parts, room, occupant, { ...news, statuses: [321] })
    const role = roleAfter(occupant.role, was, now, room.config.moderated)
    return giveRole(parts, room, occupant, role, news)
  })
}

/** XEP-0045 §10.3: "If the user is not in the room, the service MAY send a message from the room itself": to those who see addresses. */
function tellOfAbsent({ host }: MucParts, room: Room, { user, affiliation }: Change, news: News): void {
  const to = room.sessionsOf(occupant => seesAddresses(room, occupant))
  if (to.length === 0) return
  const { actor, reason } = news
  const what = item({
    affiliation,
    role: 'none',
    jid: user,
    ...(actor !== undefined && { actor }),
    ...(reason !== undefined && { reason }),
  })
  const message = Stanza.build('message', { from: room.jid, id: randomUUID() }, roomUser([what]))
  host.router.tellMany(message, to, room.jid)
}
