/** XEP-0045 §7.13, XEP-0045 §8.6: asking for voice, and giving it. */
import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Element } from '../../xml/element.ts'
import type { SubmittedValues } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { approvalForm, filled, formIn, isGivenUp, isYes } from './approval.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import { giveRoles } from './roles.ts'
import type { Room } from './room.ts'

const HOUR = 3_600_000
/** How often somebody may ask in an hour. */
const ASKS = 10

/** Takes forms about voice; undefined for what is none. */
export function takeVoiceRequest(
  parts: MucParts,
  room: Room,
  stanza: Stanza,
): Maybe<() => Maybe<void>> | undefined {
  const form = formIn(stanza, NS.roomRequest)
  if (form === undefined) return undefined
  const occupant = room.occupant(stanza.from)
  if (occupant === undefined) throw new StanzaError('not-acceptable', { type: 'cancel' })
  // Whoever gives up filling it in has nothing to say.
  if (isGivenUp(form)) return () => undefined
  const { values } = form
  // XEP-0045 §7.13: a request "contains only a "muc#role" field".
  return values.has('muc#request_allow')
    ? approve(parts, room, stanza, occupant, values)
    : ask(parts, room, stanza, occupant, values)
}

/** XEP-0045 §8.6: "the service then SHOULD use that voice request data form as the basis for a voice approval data form". */
async function ask(
  { host }: MucParts,
  room: Room,
  { from }: Stanza,
  occupant: Occupant,
  values: SubmittedValues,
): Promise<() => Maybe<void>> {
  if (values.get('muc#role')?.[0] !== 'participant')
    throw new StanzaError('bad-request', { text: 'only voice can be asked for' })
  if (!room.config.voiceRequests) throw new StanzaError('forbidden')
  // Whoever has it need not ask.
  if (occupant.role !== 'visitor') return () => undefined
  if (!(await host.storage.ephemeral.take(`muc-voice ${room.jid} ${from.bare}`, ASKS, HOUR)))
    throw new StanzaError('resource-constraint', { type: 'wait', text: 'asked too often' })
  const moderators = room.sessionsOf(({ role }) => role === 'moderator')
  const message = Stanza.build('message', { from: room.jid, id: randomUUID() }, questionOf(from, occupant))
  const told = room.tell(() => host.router.tellMany(message, moderators, from))
  return () => told
}

function questionOf(from: Stanza['from'], { nick }: Occupant): Element {
  const instructions = `${nick} asks to be allowed to speak in the room.`
  return approvalForm(NS.roomRequest, 'Voice request', instructions, [
    filled('muc#role', 'list-single', 'Requested role', 'participant'),
    filled('muc#jid', 'jid-single', 'User ID', from.toString()),
    filled('muc#roomnick', 'text-single', 'Room Nickname', nick),
    filled('muc#request_allow', 'boolean', 'Grant voice to this person?', 'false'),
  ])
}

/** XEP-0045 §8.6: "If a moderator approves the voice request, the service shall grant voice to the occupant". */
function approve(
  parts: MucParts,
  room: Room,
  { from }: Stanza,
  { role }: Occupant,
  values: SubmittedValues,
): Maybe<() => Maybe<void>> {
  if (role !== 'moderator') throw new StanzaError('forbidden')
  if (!isYes(values, 'muc#request_allow')) return () => undefined
  const asker = room.withNick(values.get('muc#roomnick')?.[0] ?? '')
  // He may have gone, and another have come who has his nick.
  if (asker === undefined || !asker.sessions.has(values.get('muc#jid')?.[0] ?? ''))
    throw new StanzaError('item-not-found')
  if (asker.role !== 'visitor') return () => undefined
  return giveRoles(parts, room, from, [{ nick: asker.nick, role: 'participant', reason: undefined }])
}
