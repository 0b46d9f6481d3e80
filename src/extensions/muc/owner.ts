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
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** What is claimed of requests to a room. */
export function ownerClaims(parts: MucParts): IqRegistration[] {
  const { homes } = parts.host.router
  return [
    get(NS.roomOwner, 'query', 'room', iq => homes.inLane(iq.owner, () => form(parts, iq))),
    set(NS.roomOwner, 'query', 'room', iq => take(parts, iq)),
  ]
}

/** The room, for one of its owners. */
async function ownRoom({ rooms }: MucParts, { owner, stanza }: IqContext): Promise<Room> {
  const room = await rooms.get(owner)
  // XEP-0045 §10.2: "If the <user@host> of the 'from' address does not match the bare JID of a room owner": forbidden; XEP-0045 §10.9 likewise.
  if (room.affiliation(stanza.from) !== 'owner') throw new StanzaError('forbidden')
  return room
}

async function form(parts: MucParts, iq: IqContext): Promise<Element> {
  const room = await ownRoom(parts, iq)
  return xml('query', { xmlns: NS.roomOwner }, configForm(room, parts.limits.occupants))
}

function take(parts: MucParts, iq: IqContext): Promise<IqAnswer> {
  return answering(answered =>
    parts.host.router.homes.inLane(iq.owner, async () =>
      takeIn(parts, await ownRoom(parts, iq), iq, answered),
    ),
  )
}

async function takeIn(
  parts: MucParts,
  room: Room,
  { stanza, payload }: IqContext,
  answered: Promise<void>,
): Promise<() => Maybe<void>> {
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
