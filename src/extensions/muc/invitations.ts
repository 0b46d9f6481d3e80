/** XEP-0045 §7.8: inviting somebody to a room, and declining. */
import { namedAddress } from '../../core/address.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { othersInvite } from './config.ts'
import { hand, type Invitation, invitationTo } from './invitation.ts'
import { roomUser } from './items.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Room } from './room.ts'
import { changeAffiliations } from './standing.ts'

const HOUR = 3_600_000
/** How long an invitation can be declined. */
const DECLINABLE = 7 * 24 * HOUR
/** Most that one message invites. */
const MOST = 100

/** Takes `<invite/>` and `<decline/>`; undefined for what is neither. */
export function takeInvitations(
  parts: MucParts,
  room: Room,
  stanza: Stanza,
): Maybe<() => Maybe<void>> | undefined {
  const x = stanza.child('x', NS.roomUser)
  const invites = x?.getChildren('invite', NS.roomUser) ?? []
  if (invites.length > 0) return invite(parts, room, stanza, invites)
  const decline = x?.getChild('decline', NS.roomUser)
  return decline && passDecline(parts, room, stanza, decline)
}

/** All who are named are invited, or nobody. */
async function invite(
  parts: MucParts,
  room: Room,
  stanza: Stanza,
  invites: readonly Element[],
): Promise<() => Maybe<void>> {
  const { from } = stanza
  requireRight(room, from)
  if (invites.length > MOST) throw new StanzaError('policy-violation', { text: 'too many at once' })
  const all = invites.map(element => invitationIn(stanza, element))
  for (const { to } of all) await requireInvitee(parts, room, to)
  await requireRate(parts, from, all.length)
  const answerable = new Map(
    all.map(({ to }) => [keyOf(room, to, from), from.toString()] satisfies [string, string]),
  )
  await parts.host.storage.ephemeral.set(answerable, DECLINABLE)
  // XEP-0045 §9.5: "any invitation sent SHOULD automatically trigger the addition of the invitee to the member list".
  const strangers = room.config.membersOnly
    ? all.filter(({ to }) => room.affiliation(to) === 'none').map(({ to }) => to.bare)
    : []
  const users = new Map(strangers.map(user => [user.toString(), user]))
  const told =
    users.size === 0
      ? () => undefined
      : await changeAffiliations(
          parts,
          room,
          [...users.values()].map(user => ({ user, affiliation: 'member' as const })),
          from,
        )
  for (const invitation of all) hand(parts, invitationTo(room, invitation), from)
  return told
}

/** Invites somebody whom `by` has added to a group, and who does not find it among his bookmarks; unless he is being invited by that one anyway. */
export function inviteInstead(parts: MucParts, room: Room, to: JID, by: JID): void {
  const { background, storage } = parts.host
  const key = keyOf(room, to, by)
  const invite = async (): Promise<void> => {
    const known = await storage.ephemeral.get(key)
    if (known !== undefined && known !== '') return
    await storage.ephemeral.set(new Map([[key, by.toString()]]), DECLINABLE)
    hand(parts, invitationTo(room, { to, by }), by)
  }
  background.run('muc', invite())
}

/** Who may invite: whoever is there or belongs to the room; to a members-only room its admins, and others where they may. */
function requireRight(room: Room, from: JID): void {
  const affiliation = room.affiliation(from)
  if (room.occupant(from) === undefined && !isAtLeast(affiliation, 'member'))
    throw new StanzaError('not-acceptable', { type: 'cancel' })
  // XEP-0045 §7.8.2: "if a member without privileges to edit the member list attempts to invite another user": forbidden.
  if (room.config.membersOnly && !othersInvite(room.config) && !isAtLeast(affiliation, 'admin'))
    throw new StanzaError('forbidden')
}

function invitationIn({ from, id }: Stanza, invite: Element): Invitation {
  const reason = invite.getChildText('reason', NS.roomUser)
  return {
    to: parsed(invite.attrs.to),
    by: from,
    id,
    ...(reason !== null && { reason }),
    continued: invite.getChild('continue', NS.roomUser),
  }
}

function parsed(text: unknown): JID {
  if (typeof text !== 'string' || text === '')
    throw new StanzaError('bad-request', { text: 'nobody is named' })
  return namedAddress(text)
}

async function requireInvitee({ host, service }: MucParts, room: Room, to: JID): Promise<void> {
  // XEP-0045 §7.8.2: "If the inviter supplies a non-existent JID, the room SHOULD return an <item-not-found/> error".
  if (to.local === '' || to.domain === service.domain) throw new StanzaError('item-not-found')
  const there = host.router.host(to.domain)
  if (there !== undefined && !(await there.accounts.exists(to.bare))) throw new StanzaError('item-not-found')
  // Whoever is banned is not let in by an invitation.
  if (room.affiliation(to) === 'outcast') throw new StanzaError('forbidden')
}

/** Throws the StanzaError `resource-constraint` for somebody who invites too many. */
async function requireRate({ host, limits }: MucParts, from: JID, count: number): Promise<void> {
  const key = `muc-invitations ${from.bare}`
  for (let i = 0; i < count; i++)
    if (!(await host.storage.ephemeral.take(key, limits.invitations, HOUR)))
      throw new StanzaError('resource-constraint', { type: 'wait', text: 'too many invitations, try later' })
}

/** An invitation that can be declined. */
function keyOf(room: Room, invitee: JID, inviter: JID): string {
  return `muc-invited ${room.jid} ${invitee.bare} ${inviter.bare}`
}

/** XEP-0045 §7.8.2: tells an inviter that somebody does not come: of those alone whom he has invited. */
async function passDecline(
  parts: MucParts,
  room: Room,
  { from, id }: Stanza,
  decline: Element,
): Promise<() => Maybe<void>> {
  const { ephemeral } = parts.host.storage
  const key = keyOf(room, from, parsed(decline.attrs.to))
  const inviter = await ephemeral.get(key)
  if (inviter === undefined || inviter === '') throw new StanzaError('item-not-found')
  // Once.
  await ephemeral.set(new Map([[key, '']]), 1)
  const reason = decline.getChildText('reason', NS.roomUser)
  const told = xml('decline', { from: from.bare.toString() }, reason !== null && xml('reason', {}, reason))
  const to = JID.parse(inviter)
  hand(parts, Stanza.build('message', { from: room.jid, to, id }, roomUser([told])), from)
  return () => undefined
}
