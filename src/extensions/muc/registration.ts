/** XEP-0045 §7.10: registering with a room: being a member, under a nick of one's own. */
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import { type Element, xml } from '../../xml/element.ts'
import {
  blankForm,
  type Form,
  FormError,
  type FormField,
  field,
  filledForm,
  valuesIn,
} from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { answering } from './answering.ts'
import { nameOf } from './discovery.ts'
import { inRoom, requireUnlocked } from './in-room.ts'
import { ask, FIELDS, NICK, withdraw } from './join-requests.ts'
import { preparedNick } from './nicks.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { changeAffiliations, type StandingChange } from './standing.ts'

/** XEP-0045 §16.5.1: what is asked of somebody; of whom others decide about may say more of himself. */
function formOf(room: Room, who: JID): Form<{ readonly [NICK]: FormField<string> }> {
  const nick = { [NICK]: field.text({ label: 'Desired nickname', required: true }) }
  return {
    formType: NS.roomRegister,
    title: `Registration with ${nameOf(room)}`,
    fields: mustAsk(room, who) ? { ...nick, ...FIELDS } : nick,
  }
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

/** Whether somebody cannot just become a member: where not everybody may enter and speak anyway. */
function mustAsk(room: Room, who: JID): boolean {
  const { membersOnly, moderated, password } = room.config
  return room.affiliation(who) === 'none' && (membersOnly || moderated || password !== '')
}

/** Whether somebody may register: who belongs to the room may have a nick; others may be members, or ask for it. */
function requireRight(room: Room, who: JID): void {
  requireUnlocked(room, who)
  // XEP-0045 §7.10: "because that privilege has been restricted".
  if (
    room.affiliation(who) === 'outcast' ||
    (mustAsk(room, who) && room.config.joining === 'closed' && !room.requests.has(who.bare.toString()))
  )
    throw new StanzaError('not-allowed')
}

function requirements(room: Room, who: JID): Element {
  requireRight(room, who)
  const nick = room.affiliates.get(who.bare.toString())?.nick
  const instructions = xml('instructions', {}, 'Choose the nickname that is to be yours in this room.')
  // XEP-0045 §7.10: "MUST contain an empty <registered/> element and SHOULD contain at least a <username/> element".
  return nick === undefined
    ? xml('query', { xmlns: NS.register }, instructions, blankForm(formOf(room, who)))
    : xml('query', { xmlns: NS.register }, xml('registered'), xml('username', {}, nick))
}

function change(parts: MucParts, iq: IqContext): Promise<IqAnswer> {
  return answering(answered =>
    inRoom(parts, iq.owner, room => {
      const { from } = iq.stanza
      requireRight(room, from)
      if (mustAsk(room, from)) {
        if (isRemoval(iq.payload)) return withdraw(parts, room, from)
        return ask(parts, room, from, filledIn(room, iq), answered)
      }
      return changeAffiliations(parts, room, [changeIn(room, iq)], from, { answered })
    }),
  )
}

/** XEP-0077 §3.2: bad-request where <remove/> is not alone. */
function isRemoval(payload: Element): boolean {
  if (payload.getChild('remove', NS.register) === undefined) return false
  if (payload.getChildElements().length > 1) throw new StanzaError('bad-request')
  return true
}

function changeIn(room: Room, iq: IqContext): StandingChange {
  const { payload, stanza } = iq
  const user = stanza.from.bare
  const affiliation = room.affiliation(user)
  if (isRemoval(payload)) {
    // XEP-0077 §3.2: registration-required of who is not registered.
    if (affiliation === 'none') throw new StanzaError('registration-required')
    // Admins and owners stay what they are, without the nick.
    return { user, affiliation: affiliation === 'member' ? 'none' : affiliation, nick: '' }
  }
  return {
    user,
    affiliation: affiliation === 'none' ? 'member' : affiliation,
    nick: filledIn(room, iq)[NICK],
  }
}

/** XEP-0045 §7.10: "If the user did not include a valid data form, the room MUST return a <bad-request/> error". */
function filledIn(room: Room, { payload, stanza: { from } }: IqContext) {
  const form = payload.getChild('x', NS.forms)
  const values = form?.attrs.type === 'submit' ? valuesIn(form) : undefined
  if (values?.get('FORM_TYPE')?.[0] !== NS.roomRegister) throw new StanzaError('bad-request')
  try {
    const filled = filledForm(formOf(room, from), values)
    return { ...filled, [NICK]: preparedNick(room, filled[NICK]) }
  } catch (error) {
    if (error instanceof FormError) throw new StanzaError('bad-request', { text: error.message })
    throw error
  }
}
