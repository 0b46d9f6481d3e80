/** XEP-0045 §7.10: registering with a room: being a member, under a nick of one's own. */
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import { blankForm, type Form, FormError, field, filledForm, valuesIn } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { answering } from './answering.ts'
import { nameOf } from './discovery.ts'
import { inRoom, requireUnlocked } from './in-room.ts'
import { preparedNick } from './nicks.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { changeAffiliations, type StandingChange } from './standing.ts'

const NICK = 'muc#register_roomnick'

/** XEP-0045 §16.5.1 */
function formOf(room: Room) {
  return {
    formType: NS.roomRegister,
    title: `Registration with ${nameOf(room)}`,
    fields: { [NICK]: field.text({ label: 'Desired nickname', required: true }) },
  } as const satisfies Form
}

/** What is claimed of requests to a room. */
export function registrationClaims(parts: MucParts): IqRegistration[] {
  return [
    get(NS.register, 'query', 'room', iq =>
      inRoom(parts, iq.owner, room => requirements(room, iq.stanza.from)),
    ),
    set(NS.register, 'query', 'room', iq => change(parts, iq)),
  ]
}

/** Whether somebody may register: who belongs to the room may have a nick; others where everybody may enter and speak anyway. */
function requireRight(room: Room, who: JID): void {
  requireUnlocked(room, who)
  const affiliation = room.affiliation(who)
  const { membersOnly, moderated, password } = room.config
  // XEP-0045 §7.10: "because that privilege has been restricted".
  if (affiliation === 'outcast' || (affiliation === 'none' && (membersOnly || moderated || password !== '')))
    throw new StanzaError('not-allowed')
}

function requirements(room: Room, who: JID): Element {
  requireRight(room, who)
  const nick = room.affiliates.get(who.bare.toString())?.nick
  const instructions = xml('instructions', {}, 'Choose the nickname that is to be yours in this room.')
  // XEP-0045 §7.10: "MUST contain an empty <registered/> element and SHOULD contain at least a <username/> element".
  return nick === undefined
    ? xml('query', { xmlns: NS.register }, instructions, blankForm(formOf(room)))
    : xml('query', { xmlns: NS.register }, xml('registered'), xml('username', {}, nick))
}

function change(parts: MucParts, iq: IqContext): Promise<IqAnswer> {
  return answering(answered =>
    inRoom(parts, iq.owner, room => {
      requireRight(room, iq.stanza.from)
      return changeAffiliations(parts, room, [changeIn(room, iq)], iq.stanza.from, { answered })
    }),
  )
}

function changeIn(room: Room, { payload, stanza: { from } }: IqContext): StandingChange {
  const user = from.bare
  const affiliation = room.affiliation(from)
  if (payload.getChild('remove', NS.register) !== undefined) {
    // XEP-0077 §3.2: bad-request where <remove/> is not alone; registration-required of who is not registered.
    if (payload.getChildElements().length > 1) throw new StanzaError('bad-request')
    if (affiliation === 'none') throw new StanzaError('registration-required')
    // Admins and owners stay what they are, without the nick.
    return { user, affiliation: affiliation === 'member' ? 'none' : affiliation, nick: '' }
  }
  return { user, affiliation: affiliation === 'none' ? 'member' : affiliation, nick: nickIn(room, payload) }
}

/** XEP-0045 §7.10: "If the user did not include a valid data form, the room MUST return a <bad-request/> error". */
function nickIn(room: Room, payload: Element): string {
  const form = payload.getChild('x', NS.forms)
  const values = form?.attrs.type === 'submit' ? valuesIn(form) : undefined
  if (values?.get('FORM_TYPE')?.[0] !== NS.roomRegister) throw new StanzaError('bad-request')
  try {
    return preparedNick(room, filledForm(formOf(room), values)[NICK])
  } catch (error) {
    if (error instanceof FormError) throw new StanzaError('bad-request', { text: error.message })
    throw error
  }
}
