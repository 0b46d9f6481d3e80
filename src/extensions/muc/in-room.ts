import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** Does something with the room of this address, in its lane. Rejects with the StanzaError `item-not-found` where there is none. */
export async function inRoom<T>(
  { host, rooms }: MucParts,
  jid: JID,
  task: (room: Room) => Maybe<T>,
): Promise<T> {
  return host.router.homes.inLane(jid, async () => task(await rooms.get(jid)))
}

/** XEP-0045 §10.1.1: a locked room "does not officially exist", but for its owners. Throws the StanzaError `item-not-found`. */
export function requireUnlocked(room: Room, who: JID): void {
  if (room.locked && room.affiliation(who) !== 'owner') throw new StanzaError('item-not-found')
}
