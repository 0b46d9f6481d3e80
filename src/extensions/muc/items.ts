/** XEP-0045: `<x xmlns='http://jabber.org/protocol/muc#user'/>`, what a room says of its occupants. */
import { withoutForged } from '../../core/forged.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Occupant } from './occupant.ts'
import type { Affiliation, Role } from './privileges.ts'
import type { Room } from './room.ts'

/** XEP-0045 §19.2 */
export interface Item {
  readonly affiliation?: Affiliation
  readonly role?: Role
  readonly jid?: JID | string
  readonly nick?: string
  readonly reason?: string
  /** Who has done it: his nick. */
  readonly actor?: string
}

/** XEP-0045 §19.2 */
export function item({ reason, actor, jid, affiliation, role, nick }: Item): Element {
  return xml(
    'item',
    {
      ...(jid !== undefined && { jid: jid.toString() }),
      ...(affiliation && { affiliation }),
      ...(nick !== undefined && { nick }),
      ...(role && { role }),
    },
    actor === undefined ? undefined : xml('actor', { nick: actor }),
    reason === undefined || reason === '' ? undefined : xml('reason', {}, reason),
  )
}

/** What a room says in presence and messages; `statuses` are those of XEP-0045 §16.6.2, ascending. */
export function roomUser(
  children: readonly (Element | undefined)[],
  statuses: readonly number[] = [],
): Element {
  return xml('x', { xmlns: NS.roomUser }, [
    ...children.filter(child => child !== undefined),
    ...statuses.map(code => xml('status', { code: String(code) })),
  ])
}

/** What is the room's to say, and is never taken from whoever sends it something. */
export function withoutOurs(stanza: Stanza): Stanza {
  const rest = stanza.without((_, ns) => ns === NS.room || ns === NS.roomUser || ns === NS.occupantId)
  if (!rest.has('delay', NS.delay)) return rest
  // XEP-0045 §7.9: who brings a chat of two along says when each message was written. A room says `from` itself that it is late.
  const service = stanza.to?.domain
  return withoutForged(rest, child => {
    const { from } = child.attrs
    return (
      child.is('delay', NS.delay) && (from === undefined || JID.tryParse(String(from))?.domain === service)
    )
  })
}

/** XEP-0359 §3 rules 2 and 3: ids that pretend to be of the archives of this service; those by others and `origin-id` stay. */
export function withoutForgedIds(message: Stanza, { jid: { domain } }: Room): Stanza {
  const isId = (name: string, ns: string): boolean =>
    (name === 'stanza-id' && ns === NS.stanzaIds) || (name === 'sequence' && ns === NS.sequence)
  if (!message.has('stanza-id', NS.stanzaIds) && !message.has('sequence', NS.sequence)) return message
  return withoutForged(
    message,
    child =>
      isId(child.getName(), child.getNS() ?? '') && JID.tryParse(child.attrs.by ?? '')?.domain === domain,
  )
}

/** Whether a user may see the real addresses of the others: XEP-0045 §4.2. */
export function seesAddresses(room: Room, occupant: Pick<Occupant, 'role'> | undefined): boolean {
  return room.config.whois === 'anyone' || occupant?.role === 'moderator'
}
