/** XEP-0045 §7.2, §7.6, §7.7, §7.14: presence for a room, in its lane. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { withoutOurs } from './items.ts'
import { join } from './join.ts'
import { leave } from './leave.ts'
import { rename } from './nicks.ts'
import type { MucParts } from './parts.ts'
import { tellPresence } from './telling.ts'

/** Gives what settles when it is handled. */
export async function takePresence(parts: MucParts, stanza: Stanza): Promise<() => Maybe<void>> {
  const to = stanza.to!
  const room = await parts.rooms.find(to)
  const occupant = room?.occupant(stanza.from)
  switch (stanza.type) {
    case undefined:
      break
    case 'unavailable':
    case 'error':
      // Whoever has gone, or cannot be reached, has left.
      return room === undefined || occupant === undefined
        ? () => undefined
        : leave(parts, room, occupant, stanza)
    default:
      // Rooms subscribe to nobody, and nobody to them: RFC 6121 §3 has no error for that which a client could use.
      return () => undefined
  }
  // XEP-0045 §7.2.2: "if the user does not specify a room nickname, the service MUST return <jid-malformed/>".
  if (to.resource === '') throw new StanzaError('jid-malformed')
  if (room !== undefined && occupant !== undefined) {
    if (occupant.nick !== to.resource) return rename(parts, room, occupant, stanza)
    // XEP-0045 §7.2.17, XEP-0410 §2: who says that it enters, though it is there, has forgotten and gets everything again.
    if (!stanza.has('x', NS.room)) {
      occupant.sessions.get(stanza.from.toString())!.presence = withoutOurs(stanza)
      const told = room.tell(() => tellPresence(parts, room, occupant, stanza.from))
      return () => told
    }
  }
  // COMPAT groupchat 1.0 (XEP-0045 §7.2.1): presence without `<x/>` entered a room; today it comes from clients that do not know that they have left.
  if (!stanza.has('x', NS.room)) throw new StanzaError('not-acceptable', { type: 'cancel' })
  return join(parts, room, stanza)
}
