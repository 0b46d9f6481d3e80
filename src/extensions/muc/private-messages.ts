/** XEP-0045 §7.5: private messages. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { roomUser, withoutForgedIds, withoutOurs } from './items.ts'
import type { Occupant } from './occupant.ts'
import { occupantId } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** Whether an occupant may send private messages: `muc#roomconfig_allowpm`. To a moderator everybody may where moderators may. */
function mayWrite({ config }: Room, from: Occupant, to: Occupant): boolean {
  switch (config.privateMessages) {
    case 'anyone':
      return true
    case 'participants':
      return from.role !== 'visitor' || to.role === 'moderator'
    case 'moderators':
      return from.role === 'moderator'
    case 'none':
      return false
  }
}

/** Hands a message on to the sessions of one occupant. */
export function passPrivately(
  { host }: MucParts,
  room: Room,
  sender: Occupant,
  stanza: Stanza,
): () => Maybe<void> {
  // XEP-0045 §7.5: "If the sender attempts to send a private message of type "groupchat" to a particular occupant, the service MUST refuse".
  if (stanza.type === 'groupchat') throw new StanzaError('bad-request')
  const recipient = room.withNick(stanza.to!.resource)
  // "If the recipient does not exist in the room".
  if (recipient === undefined) throw new StanzaError('item-not-found')
  if (!mayWrite(room, sender, recipient)) throw new StanzaError('forbidden')
  // XEP-0045 §7.5: `<x/>` tells clients, and archives, that it is private and of a room.
  const message = withoutForgedIds(withoutOurs(stanza), room)
    .with({ from: room.addressOf(sender) })
    .plus(roomUser([]))
    .plus(occupantId(sender.id))
  const to = [...recipient.sessions.values()].map(({ jid }) => jid)
  const told = room.tell(() => host.router.tellMany(message, to, stanza.from))
  return () => told
}
