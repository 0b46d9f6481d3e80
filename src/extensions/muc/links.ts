/** docs/protocol/groups.md: links by which others become members. The token of one is what clients take for the password of the room. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Element } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { requireUnlocked } from './in-room.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { InviteLink, Room } from './room.ts'
import { changeAffiliations } from './standing.ts'

const HOUR = 3_600_000
/** Passwords that somebody may try at a room in an hour that could be tokens. */
const TRIES = 20
const TOKEN_BYTES = 24
const ID_BYTES = 6

/** What a link is to be good for. */
export interface LinkWish {
  readonly hours: number
  readonly uses: number
}

/** A link that has been made; its token is known to nobody else. */
export interface MadeLink {
  readonly uri: string
  readonly expires: number
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Links that are good now, with their ids: whoever has made one is still an admin. */
export function goodLinks({ host }: MucParts, room: Room): [id: string, link: InviteLink][] {
  const now = host.clock.now()
  return [...room.links].filter(
    ([, { expires, by }]) => expires > now && isAtLeast(room.affiliation(JID.parse(by)), 'admin'),
  )
}

/** Makes a link, in the lane of the room. Throws the StanzaError `resource-constraint` where there are as many as may be. */
export async function makeLink(
  parts: MucParts,
  room: Room,
  by: JID,
  { hours, uses }: LinkWish,
): Promise<MadeLink> {
  const { host, store, limits } = parts
  const good = new Set(goodLinks(parts, room).map(([id]) => id))
  if (good.size >= limits.links) throw new StanzaError('resource-constraint', { text: 'too many links' })
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const id = randomBytes(ID_BYTES).toString('hex')
  const expires = host.clock.now() + hours * HOUR
  const hash = hashOf(token).toString('base64')
  const link: InviteLink = { hash, by: by.bare.toString(), expires, uses }
  const ended = [...room.links.keys()].filter(known => !good.has(known))
  const writes = [
    store.link(room.jid, id, link),
    ...ended.map(known => store.link(room.jid, known, undefined)),
  ]
  await commit(host.storage, writes, host.log)
  for (const known of ended) room.links.delete(known)
  room.links.set(id, link)
  // XEP-0045 §16.7.1: the query type join has a password.
  const address = `${encodeURIComponent(room.jid.local)}@${room.jid.domain}`
  return { uri: `xmpp:${address}?join;password=${token}`, expires }
}

/** Has a link lead nowhere, in the lane of the room. */
export async function revokeLink({ host, store }: MucParts, room: Room, id: string): Promise<void> {
  if (!room.links.has(id)) return
  await commit(host.storage, [store.link(room.jid, id, undefined)], host.log)
  room.links.delete(id)
}

/** The link whose token somebody gives as the password who wants to enter; undefined if it is none that is good. */
export async function linkOf(
  parts: MucParts,
  room: Room,
  from: JID,
  x: Element | undefined,
): Promise<string | undefined> {
  requireUnlocked(room, from)
  const token = x?.getChildText('password', NS.room) ?? ''
  const { password, membersOnly } = room.config
  const affiliation = room.affiliation(from)
  const needsNone = password === '' || password === token || affiliation === 'owner'
  if (token === '' || affiliation === 'outcast') return undefined
  if (needsNone && (affiliation !== 'none' || !membersOnly)) return undefined
  const good = goodLinks(parts, room)
  if (good.length === 0) return undefined
  const tries = `muc-link ${room.jid} ${from.bare}`
  if (!(await parts.host.storage.ephemeral.take(tries, TRIES, HOUR))) return undefined
  const given = hashOf(token)
  let found: string | undefined
  for (const [id, { hash }] of good) if (timingSafeEqual(given, Buffer.from(hash, 'base64'))) found = id
  return found
}

/** Whoever comes by a link is a member from now on, as if he had registered; one who was does not use it up. */
export async function redeem(parts: MucParts, room: Room, from: JID, id: string): Promise<void> {
  const link = room.links.get(id)
  if (link === undefined || room.affiliation(from) !== 'none') return
  const rest = link.uses > 1 ? { ...link, uses: link.uses - 1 } : undefined
  const settle = await changeAffiliations(parts, room, [{ user: from, affiliation: 'member' }], from, {
    link: JID.parse(link.by),
    writes: [parts.store.link(room.jid, id, rest)],
    apply: () => {
      if (rest === undefined) room.links.delete(id)
      else room.links.set(id, rest)
    },
  })
  parts.host.background.run('muc', (async () => settle())())
}
