/** XEP-0045 §8.5, XEP-0045 §9.2, XEP-0045 §9.5, XEP-0045 §9.8, XEP-0045 §10.5, XEP-0045 §10.8: lists of occupants and affiliates. */
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { item } from './items.ts'
import { type Affiliation, isAffiliation, isAtLeast, isRole, type Role } from './privileges.ts'
import type { Room } from './room.ts'

/** Answers which occupants or affiliates there are, in the room's lane. */
export function list(room: Room, { stanza: { from }, payload }: IqContext): Element {
  const wanted = payload.getChildren('item', NS.roomAdmin)
  if (wanted.length === 0) throw new StanzaError('bad-request', { text: 'no items' })
  const found = wanted.flatMap(({ attrs: { role, affiliation } }) => {
    if (role === undefined && isAffiliation(affiliation ?? ''))
      return affiliates(room, from, affiliation as Affiliation)
    if (affiliation === undefined && isRole(role ?? '')) return occupants(room, from, role as Role)
    throw new StanzaError('bad-request', { text: 'an item asks for a role or an affiliation' })
  })
  return xml('query', { xmlns: NS.roomAdmin }, found)
}

/** Whether somebody may see who the affiliates are. */
function mayRead(room: Room, from: JID, wanted: Affiliation): boolean {
  const own = room.affiliation(from)
  // XEP-0045 §9.5: in non-anonymous rooms "a service SHOULD also allow any member to retrieve the member list even if not yet an occupant".
  if (wanted !== 'outcast' && room.config.whois === 'anyone' && isAtLeast(own, 'member')) return true
  // XEP-0045 §7.11: "If allowed in accordance with room configuration, an occupant MAY be allowed to retrieve the list of room members."
  const { memberList } = room.config
  if (wanted === 'member' && room.occupantsOf(from).some(({ role }) => memberList.some(one => one === role)))
    return true
  // XEP-0045 §10.5, XEP-0045 §10.8: others than owners do not get these lists in semi-anonymous rooms.
  return isAtLeast(own, wanted === 'owner' || wanted === 'admin' ? 'owner' : 'admin')
}

function affiliates(room: Room, from: JID, wanted: Affiliation): Element[] {
  if (!mayRead(room, from, wanted)) throw new StanzaError('forbidden')
  const present = new Map([...room.occupants].map(({ user, nick }) => [user.toString(), nick]))
  const found: Element[] = []
  for (const [jid, { affiliation, nick, reason }] of room.affiliates)
    if (affiliation === wanted) {
      // XEP-0045 §17.4: "MUST NOT include the 'role' attribute, [...] SHOULD include the 'nick' attribute (except if the affiliation is "outcast"".
      const known = wanted === 'outcast' ? undefined : (nick ?? present.get(jid))
      found.push(
        item({
          affiliation,
          jid,
          ...(known !== undefined && { nick: known }),
          ...(reason !== undefined && { reason }),
        }),
      )
    }
  return found
}

function occupants(room: Room, from: JID, wanted: Role): Element[] {
  const isModerator = room.occupantsOf(from).some(({ role }) => role === 'moderator')
  // XEP-0045 §8: lists of voice are for moderators; XEP-0045 §9: that of moderators is for admins.
  if (!isAtLeast(room.affiliation(from), 'admin') && !(isModerator && wanted !== 'moderator'))
    throw new StanzaError('forbidden')
  return [...room.occupants]
    .filter(({ role }) => role === wanted)
    .map(({ nick, user, role, sessions }) => {
      const [first] = sessions.values()
      // XEP-0045 §17.4: "MUST include the 'nick', 'role', 'affiliation', and 'jid' attributes (with the value of the latter set to the user's full JID)".
      return item({ affiliation: room.affiliation(user), role, jid: first?.jid ?? user, nick })
    })
}
