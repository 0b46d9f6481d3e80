/** XEP-0045 §7.2, §7.6, §7.7, §7.14: presence for a room, in its lane. */
import { StanzaError } from '../../core/errors.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { item, roomUser, withoutOurs } from './items.ts'
import { join } from './join.ts'
import { bounced, leave } from './leave.ts'
import { rename, requireVisible } from './nicks.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { tellPresence, tellSelf } from './telling.ts'
import { isQuiet } from './visibility.ts'

/** Gives what settles when it is handled. */
export async function takePresence(parts: MucParts, stanza: Stanza): Promise<() => Maybe<void>> {
  try {
    return await take(parts, stanza)
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error
    // XEP-0045 §7.2.5, as in its examples: by `<x/>` clients know that it is about a room.
    const reply = stanza.reply('error', xml('x', { xmlns: NS.room }), error.element())
    return () => parts.host.router.tellMany(reply, [stanza.from], reply.from.bare)
  }
}

async function take(parts: MucParts, stanza: Stanza): Promise<() => Maybe<void>> {
  const to = stanza.to!
  const room = await parts.rooms.find(to)
  const occupant = room?.occupant(stanza.from)
  switch (stanza.type) {
    case undefined:
      break
    case 'unavailable':
      // XEP-0045 §17.3: "A room MUST silently ignore unavailable presence received from a user who has a role of "none"".
      return room === undefined || occupant === undefined
        ? () => undefined
        : leave(parts, room, occupant, stanza)
    case 'error':
      return bounced(parts, room, stanza)
    default:
      // XEP-0045 §17.3: what has another type neither enters nor leaves; rooms subscribe to nobody, and nobody to them.
      return () => undefined
  }
  requireVisible(to.resource)
  const enters = stanza.has('x', NS.room)
  if (room === undefined || occupant === undefined)
    return enters ? join(parts, room, stanza) : () => refuseStranger(parts, room, stanza)
  const renamed = occupant.nick === to.resource ? undefined : rename(parts, room, occupant, stanza)
  // XEP-0045 §17.3: who enters though it is there has lost what it knew: "send to the client everything that would be sent to it on a normal join".
  if (enters) {
    const joined = await join(parts, room, stanza)
    return () => then(renamed?.(), joined)
  }
  return renamed ?? update(parts, room, occupant, stanza)
}

/** XEP-0045 §7.7: an occupant says how it is now. */
function update(parts: MucParts, room: Room, occupant: Occupant, stanza: Stanza): () => Maybe<void> {
  occupant.sessions.get(stanza.from.toString())!.presence = withoutOurs(stanza)
  const told = room.tell(() => {
    if (isQuiet(parts, room, occupant)) tellSelf(parts, room, stanza.from, occupant, {})
    else tellPresence(parts, room, occupant, stanza.from)
  })
  return () => told
}

/** XEP-0045 §7.2.18: who thinks that it is in the room, or speaks groupchat 1.0, learns that it is not. */
export function refuseStranger(
  { host }: MucParts,
  room: Room | undefined,
  { from, to }: Pick<Stanza, 'from' | 'to'>,
): void {
  const what = item({
    affiliation: room?.affiliation(from) ?? 'none',
    role: 'none',
    reason: 'You are not in the room.',
  })
  const x = roomUser([what], [110, 307, 333])
  host.router.tellMany(Stanza.build('presence', { from: to!, type: 'unavailable' }, x), [from], to!.bare)
}
