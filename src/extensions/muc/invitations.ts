/** XEP-0045 §7.8: inviting somebody to a room, and declining. */
import type { Maybe } from '../../core/maybe.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** Takes `<invite/>` and `<decline/>`; undefined for what is neither. */
export function takeInvitations(
  _parts: MucParts,
  _room: Room,
  _stanza: Stanza,
): Maybe<() => Maybe<void>> | undefined {
  return undefined
}
