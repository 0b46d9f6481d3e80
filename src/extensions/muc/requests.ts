/** XEP-0045 §6.6, XEP-0045 §17.4: requests to occupants, and their answers. XEP-0410: MUC Self-Ping. */
import { StanzaError } from '../../core/errors.ts'
import { isPromise } from '../../core/maybe.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { TAG_LENGTH } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** A request, or an answer to one, for somebody under a nick; in the lane of the room. */
export async function passRequest(parts: MucParts, stanza: Stanza): Promise<void> {
  const room = await parts.rooms.find(stanza.to!)
  if (stanza.type === 'get' || stanza.type === 'set') ask(parts, room, stanza)
  else if (room !== undefined) answer(parts, room, stanza)
}

function ask(parts: MucParts, room: Room | undefined, stanza: Stanza): void {
  const sender = room?.occupant(stanza.from)
  if (room === undefined || sender === undefined) {
    // XEP-0045 §6.6: "If a non-occupant attempts to send a disco request [...] a MUC service MUST return a <bad-request/> error".
    if (stanza.hasIn(NS.discoInfo) || stanza.hasIn(NS.discoItems)) throw new StanzaError('bad-request')
    // XEP-0410 §3.3: "Error (<not-acceptable>): the client is not joined to the MUC".
    throw new StanzaError('not-acceptable', { type: 'cancel' })
  }
  const recipient = room.withNick(stanza.to!.resource)
  if (recipient === undefined) throw new StanzaError('item-not-found')
  // XEP-0410 §3.3: answered for the client, so that it need not be asked.
  if (recipient === sender && stanza.type === 'get' && stanza.has('ping', NS.ping)) {
    parts.host.router.route(stanza.reply('result'))
    return
  }
  const [session] = recipient.sessions.values()
  // The server has the card of a user: XEP-0054 §3.3.
  const to = stanza.type === 'get' && stanza.has('vCard', NS.vcard) ? recipient.user : session!.jid
  const tag = parts.ids.tag(room.jid, stanza.from, recipient.nick)
  // XEP-0045 §17.4: "the MUC service MUST NOT reveal the sender's real JID": the id says to us alone who has asked.
  handOn(parts, stanza.with({ from: room.addressOf(sender), to, id: `${tag}${stanza.id ?? ''}` }))
}

/** An answer goes to the session that asked, from whom it asked, with the id that it gave; what nobody asked for goes nowhere. */
function answer(parts: MucParts, room: Room, stanza: Stanza): void {
  const { from, to, id = '' } = stanza
  const tag = id.slice(0, TAG_LENGTH)
  const asked = from.resource === '' ? room.occupantsOf(from) : [room.occupant(from)]
  for (const occupant of asked)
    for (const { jid } of room.withNick(to!.resource)?.sessions.values() ?? [])
      if (occupant !== undefined && parts.ids.tag(room.jid, jid, occupant.nick) === tag) {
        handOn(parts, stanza.with({ from: room.addressOf(occupant), to: jid, id: id.slice(TAG_LENGTH) }))
        return
      }
}

/** The lane does not wait for it. Whoever cannot be asked is answered for by an error, which comes back as his answer would. */
function handOn({ host }: MucParts, stanza: Stanza): void {
  const done = host.router.accept(stanza, { send: error => host.router.route(error) })
  if (isPromise(done)) host.background.run('muc', done)
}
