/** XEP-0045 §11.2: the service ends, with all of its rooms in memory. */
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { inRoom } from './in-room.ts'
import { removeEmpty, takeOut } from './leave.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { tellSelfGone } from './telling.ts'

/** Everybody learns that he is in no room any more, and may enter again once the service is back. A room that cannot be read holds up no other. */
export async function closeRooms(parts: MucParts): Promise<void> {
  await Promise.allSettled(
    parts.rooms.occupied.map(async address => {
      const told = await inRoom(parts, JID.parse(address), room => close(parts, room))
      await told()
    }),
  )
}

/** Each is told of itself alone, who else has gone is news to nobody: of a room with many that would be all of them for each. */
async function close(parts: MucParts, room: Room) {
  const gone = [...room.occupants].map(occupant => takeOut(room, occupant))
  const presence = Stanza.build('presence', { from: room.jid, type: 'unavailable' })
  const told = room.tell(() => {
    // XEP-0045 §11.2: "When a MUC service shuts downs, it SHOULD inform its participant by sending presences containing the 332 status code".
    for (const one of gone) tellSelfGone(parts, room, one, presence, { statuses: [332] })
  })
  await removeEmpty(parts, room)
  return () => told
}
