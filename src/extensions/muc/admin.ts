/** XEP-0045 §8, XEP-0045 §9, XEP-0045 §10.3 to XEP-0045 §10.8: requests about roles, by nick, and affiliations, by address. */
import { namedAddress } from '../../core/address.ts'
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { answering } from './answering.ts'
import { inRoom } from './in-room.ts'
import { list } from './lists.ts'
import { preparedNick } from './nicks.ts'
import type { MucParts } from './parts.ts'
import { isAffiliation, isRole, mayAffiliate, type Role } from './privileges.ts'
import { giveRoles, type RoleChange } from './roles.ts'
import type { Room } from './room.ts'
import { changeAffiliations, type StandingChange } from './standing.ts'

/** What is claimed of requests to a room. */
export function adminClaims(parts: MucParts): IqRegistration[] {
  return [
    get(NS.roomAdmin, 'query', 'room', iq => inRoom(parts, iq.owner, room => list(room, iq))),
    set(NS.roomAdmin, 'query', 'room', iq => change(parts, iq)),
  ]
}

function change(parts: MucParts, iq: IqContext): Promise<IqAnswer> {
  return answering(answered => inRoom(parts, iq.owner, room => changeIn(parts, room, iq, answered)))
}

/** All items, or none of them: XEP-0045 §9.2 "then the service SHOULD NOT apply any of the requested changes". */
async function changeIn(
  parts: MucParts,
  room: Room,
  { stanza: { from }, payload }: IqContext,
  answered: Promise<void>,
): Promise<() => Maybe<void>> {
  const items = payload.getChildren('item', NS.roomAdmin)
  if (items.length === 0) throw new StanzaError('bad-request', { text: 'no items' })
  const roles = items.filter(({ attrs }) => attrs.role !== undefined)
  const affiliations = items.filter(({ attrs }) => attrs.affiliation !== undefined)
  if (roles.length === items.length && affiliations.length === 0)
    return giveRoles(
      parts,
      room,
      from,
      roles.map(item => roleChange(room, item)),
      answered,
    )
  // XEP-0045 §17.4: "both the affiliation and role of the same item in the same IQ set": bad-request; so is what has neither, and a list of both.
  if (affiliations.length < items.length || roles.length > 0)
    throw new StanzaError('bad-request', { text: 'items are all about roles or all about affiliations' })
  const changes = affiliations.map(item => standingChange(room, item))
  for (const wanted of changes) requireRight(room, from, wanted)
  return changeAffiliations(parts, room, changes, from, { answered })
}

function roleChange(room: Room, item: Element): RoleChange {
  const { role = '', nick } = item.attrs as Record<string, string | undefined>
  if (!isRole(role)) throw new StanzaError('bad-request', { text: 'no such role' })
  // XEP-0045 §8.5: "each item MUST include the 'nick' attribute and 'role' attribute".
  if (nick === undefined) throw new StanzaError('bad-request', { text: 'a role is given by nick' })
  return { nick: preparedNick(room, nick), role: role satisfies Role, reason: reasonIn(item) }
}

function standingChange(room: Room, item: Element): StandingChange {
  const { affiliation = '', jid, nick } = item.attrs as Record<string, string | undefined>
  if (!isAffiliation(affiliation)) throw new StanzaError('bad-request', { text: 'no such affiliation' })
  // XEP-0045 §9.2: "each item MUST include the 'affiliation' attribute [...] and 'jid' attribute".
  if (jid === undefined) throw new StanzaError('bad-request', { text: 'an affiliation is given by address' })
  return {
    // XEP-0045 §10.3: "When processing a request that identifies a user by its full JID, a service SHOULD use the bare JID representation."
    user: namedAddress(jid).bare,
    affiliation,
    // XEP-0045 §9.5: "To unset a reserved nickname, the 'nick' attribute must be set to an empty string."
    nick: nick === undefined || nick === '' ? nick : preparedNick(room, nick),
    reason: reasonIn(item),
  }
}

function reasonIn(item: Element): string | undefined {
  const reason = item.getChildText('reason', NS.roomAdmin)
  return reason === null || reason === '' ? undefined : reason
}

/** Throws the StanzaError that says why somebody may not change an affiliation. */
function requireRight(room: Room, from: JID, { user, affiliation, nick }: StandingChange): void {
  const actor = room.affiliation(from)
  // docs/protocol/groups.md: where members add members, they add those who are nothing yet, and do nothing else.
  if (
    room.config.group &&
    room.config.adders === 'members' &&
    actor === 'member' &&
    affiliation === 'member' &&
    nick === undefined &&
    room.affiliation(user) === 'none'
  )
    return
  const isOwn = user.equals(from.bare)
  const before = room.affiliates.get(user.toString())?.affiliation ?? 'none'
  // Whoever has a standing may give it up.
  if (isOwn && affiliation === 'none' && before !== 'none' && before !== 'outcast') return
  const verdict = mayAffiliate(actor, before, affiliation)
  if (verdict === 'forbidden') throw new StanzaError('forbidden')
  // XEP-0045 §9.1: "If an admin or owner attempts to ban himself": conflict.
  if (isOwn && affiliation === 'outcast') throw new StanzaError('conflict')
  if (verdict === 'not-allowed') throw new StanzaError('not-allowed')
}
