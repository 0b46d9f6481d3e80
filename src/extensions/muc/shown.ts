import { randomUUID } from 'node:crypto'
import type { Stanza } from '../../xml/stanza.ts'
import { withoutForgedIds, withoutOurs } from './items.ts'
import type { Occupant } from './occupant.ts'
import { occupantId } from './occupant-ids.ts'
import type { Room } from './room.ts'

/** A message as all occupants get it. */
export function shown(room: Room, occupant: Occupant, stanza: Stanza): Stanza {
  const stripped = withoutForgedIds(withoutOurs(stanza), room)
  const whole = stripped.id === undefined ? stripped.with({ id: randomUUID() }) : stripped
  return whole.with({ from: room.addressOf(occupant), to: undefined }).plus(occupantId(occupant.id))
}
