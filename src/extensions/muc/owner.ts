/** XEP-0045 §10.1, XEP-0045 §10.2, XEP-0045 §10.9: what owners do with their room: configure and destroy it. */
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { type Element, xml } from '../../xml/element.ts'
import { valuesIn } from '../../xml/forms.ts'
import { NS } from '../../xml/ns.ts'
import { answering } from './answering.ts'
import { configForm, submitted } from './config-form.ts'
import { configure } from './configure.ts'
import { destroy, destructionIn } from './destroy.ts'
import { inRoom } from './in-room.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** What is claimed of requests to a room. */
export function ownerClaims(parts: MucParts): IqRegistration[] {
  return [
    get(NS.roomOwner, 'query', 'room', iq => inRoom(parts, iq.owner, room => form(parts, room, iq))),
    set(NS.roomOwner, 'query', 'room', iq => take(parts, iq)),
  ]
}

function requireOwner(room: Room, { stanza }: IqContext): void {
  // XEP-0045 §10.2: "If the <user@host> of the 'from' address does not match the bare JID of a room owner": forbidden; XEP-0045 §10.9 likewise.
  if (room.affiliation(stanza.from) !== 'owner') throw new StanzaError('forbidden')
}

function form({ limits }: MucParts, room: Room, iq: IqContext): Element {
  requireOwner(room, iq)
  return xml('query', { xmlns: NS.roomOwner }, configForm(room, limits.occupants))
}

function take(parts: MucParts, iq: IqContext): Promise<IqAnswer> {
  return answering(answered => inRoom(parts, iq.owner, room => takeIn(parts, room, iq, answered)))
}

async function takeIn(
  parts: MucParts,
  room: Room,
  iq: IqContext,
  answered: Promise<void>,
): Promise<() => Maybe<void>> {
  requireOwner(room, iq)
  const { stanza, payload } = iq
  const destruction = payload.getChild('destroy', NS.roomOwner)
  if (destruction !== undefined && destruction !== null)
    return destroy(parts, room, destructionIn(destruction))
  const x = payload.getChild('x', NS.forms)
  switch (x?.attrs.type) {
    case 'submit': {
      const wanted = submitted(room.config, valuesIn(x), parts.limits)
      return configure(parts, room, wanted, stanza.from, answered)
    }
    case 'cancel':
      // XEP-0045 §10.1.3: "If the room owner cancels the initial configuration, the service MUST destroy the room"; XEP-0045 §10.2: later it stays as it was.
      return room.locked ? destroy(parts, room, {}) : () => undefined
    default:
      throw new StanzaError('bad-request', { text: 'a form that is submitted or cancelled, or <destroy/>' })
  }
}
