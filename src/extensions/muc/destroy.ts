/** XEP-0045 §10.9: destroying a room. */
import { namedAddress } from '../../core/address.ts'
import type { Maybe } from '../../core/maybe.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { item, roomUser } from './items.ts'
import { remove } from './leave.ts'
import { occupantId } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** What is said of it. */
export interface Destruction {
  /** Where people meet from now on. */
  readonly venue?: JID
  readonly password?: string
  readonly reason?: string
}

/** Reads `<destroy/>`. Throws the StanzaError `jid-malformed`. */
export function destructionIn(destroy: Element): Destruction {
  const venue: unknown = destroy.attrs.jid
  const password = destroy.getChildText('password', NS.roomOwner)
  const reason = destroy.getChildText('reason', NS.roomOwner)
  return {
    ...(typeof venue === 'string' && venue !== '' && { venue: namedAddress(venue) }),
    ...(password !== null && { password }),
    ...(reason !== null && { reason }),
  }
}

/** Erases a room and has all occupants leave it, in its lane; gives what settles when they have been told. */
export async function destroy(
  parts: MucParts,
  room: Room,
  { venue, password, reason }: Destruction,
): Promise<() => Maybe<void>> {
  // What is on its way into the archive comes there first.
  await room.tell(() => undefined)
  const gone = [...room.occupants].map(occupant => ({
    ...occupant,
    sessions: [...occupant.sessions.values()],
  }))
  await remove(parts, room)
  const told = room.tell(() => {
    const why = (): Element =>
      xml(
        'destroy',
        { ...(venue !== undefined && { jid: venue.toString() }) },
        reason !== undefined && xml('reason', {}, reason),
        password !== undefined && xml('password', {}, password),
      )
    // XEP-0045 §10.9: "sending only one presence stanza of type "unavailable" to each occupant".
    for (const occupant of gone) {
      const presence = Stanza.build(
        'presence',
        { from: room.addressOf(occupant), type: 'unavailable' },
        occupantId(occupant.id),
        roomUser([item({ affiliation: 'none', role: 'none' }), why()], [110]),
      )
      const sessions = occupant.sessions.map(({ jid }) => jid)
      parts.host.router.tellMany(presence, sessions, room.jid)
    }
  })
  return () => told
}
