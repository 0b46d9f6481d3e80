/** What a group says of itself: who came, who left, what it is called now (docs/protocol/groups.md). */
import { randomUUID } from 'node:crypto'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { RoomListener } from './listener.ts'
import type { MucParts } from './parts.ts'
import { type Affiliation, isAtLeast } from './privileges.ts'
import type { Affiliate, Room } from './room.ts'
import { say } from './say.ts'

/** What has happened to members. */
type Happening = 'added' | 'removed' | 'left' | 'admin' | 'member' | 'banned'

/** Of one kind, by the same person, in one request: they are one notice. */
interface Gathered {
  readonly room: Room
  readonly happening: Happening
  readonly by: JID
  readonly users: JID[]
  /** Whose link they have come by. */
  readonly link: JID | undefined
}

/** Members that are named to people; of others it is said how many they are. */
const NAMED = 5

/** Tells groups what has become of their members. It is in their archives: who was away sees it, too. No unread message comes of it. */
export function groupNotices(parts: MucParts): RoomListener {
  let gathered = new Map<string, Gathered>()
  const flush = (): void => {
    const all = gathered
    gathered = new Map()
    for (const one of all.values()) announce(parts, one.room, ...memberNotice(one))
  }
  return {
    configured(room, before, by) {
      if (!room.config.group || !before.group) return
      const { name, description } = room.config
      const who = nameOf(room, by)
      const named = name === '' ? `${who} took away the name of the group` : `${who} named the group ${name}`
      if (name !== before.name) announce(parts, room, named, notice('name', by, { name }))
      if (description !== before.description)
        announce(parts, room, `${who} changed the description of the group`, notice('description', by))
    },
    pictured(room, by) {
      if (!room.config.group) return
      announce(parts, room, `${nameOf(room, by)} changed the picture of the group`, notice('picture', by))
    },
    changed(room, user, before, after, by, link) {
      const happening = happeningOf(user, before, after, by)
      if (room.config.group && happening === undefined) tellNick(parts, room, user, before, after, by)
      if (!room.config.group || happening === undefined) return
      const key = `${room.jid} ${happening} ${by.bare}`
      // In the same turn of the room's lane, when all of a request has been changed.
      if (gathered.size === 0) queueMicrotask(flush)
      const known = gathered.get(key)
      if (known === undefined) gathered.set(key, { room, happening, by: by.bare, users: [user], link })
      else known.users.push(user)
    },
  }
}

/** Somebody who stays a member has another nick reserved, or none any more. */
function tellNick(
  parts: MucParts,
  room: Room,
  user: JID,
  before: Affiliate | undefined,
  after: Affiliate | undefined,
  by: JID,
): void {
  if (before === undefined || after?.affiliation !== before.affiliation || after.nick === before.nick) return
  if (before.affiliation === 'outcast') return
  const was = before.nick ?? user.local
  const { nick } = after
  const text = nick === undefined ? `${was} gave up this nick` : `${was} is called ${nick} now`
  const named = xml('user', { jid: user.toString(), ...(nick !== undefined && { nick }) })
  // Behind what is told of the change itself, in the same turn of the room's lane.
  queueMicrotask(() => announce(parts, room, text, notice('nick', by, {}, [named])))
}

function happeningOf(
  user: JID,
  before: Affiliate | undefined,
  after: Affiliate | undefined,
  by: JID,
): Happening | undefined {
  const was: Affiliation = before?.affiliation ?? 'none'
  const is: Affiliation = after?.affiliation ?? 'none'
  if (was === is) return undefined
  if (is === 'outcast') return 'banned'
  if (is === 'none') return was === 'outcast' ? undefined : user.equals(by.bare) ? 'left' : 'removed'
  if (was === 'none' || was === 'outcast') return 'added'
  const [wasAdmin, isAdmin] = [isAtLeast(was, 'admin'), isAtLeast(is, 'admin')]
  return isAdmin === wasAdmin ? undefined : isAdmin ? 'admin' : 'member'
}

/** A text for people, and what clients can put into the language of their users. */
function memberNotice({ room, happening, by, users, link }: Gathered): [text: string, notice: Element] {
  const actor = nameOf(room, by)
  const named = users.slice(0, NAMED).map(user => nameOf(room, user))
  const rest = users.length - named.length
  const list = [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
  const way = link === undefined ? '' : ` by a link of ${nameOf(room, link)}`
  const texts: Record<Happening, string> = {
    added: users.some(user => user.equals(by)) ? `${actor} joined${way}` : `${actor} added ${list}`,
    removed: `${actor} removed ${list}`,
    left: `${actor} left`,
    admin: `${actor} made ${list} admin`,
    member: `${actor} made ${list} a member without further rights`,
    banned: `${actor} banned ${list}`,
  }
  const all = users.map(user => xml('user', { jid: user.toString() }))
  return [texts[happening], notice(happening, by, link && { link: link.toString() }, all)]
}

/** What clients can put into the language of their users. */
function notice(
  type: string,
  by: JID,
  more: Readonly<Record<string, string>> = {},
  children: readonly Element[] = [],
): Element {
  return xml('notice', { xmlns: NS.groups, type, by: by.bare.toString(), ...more }, [...children])
}

/** How a member is called: by the nick that is reserved for him, or that he has. */
function nameOf(room: Room, user: JID): string {
  const reserved = room.affiliates.get(user.toString())?.nick
  return reserved ?? room.occupantsOf(user)[0]?.nick ?? user.local
}

/** A message of the room itself to all who are there, stored where it keeps messages. */
function announce(parts: MucParts, room: Room, text: string, payload: Element): void {
  const attributes = { from: room.jid, type: 'groupchat', id: randomUUID() }
  const message = Stanza.build('message', attributes, xml('body', {}, text), payload)
  parts.host.background.run('muc', say(parts, room, { message, by: room.jid, kept: message }))
}
