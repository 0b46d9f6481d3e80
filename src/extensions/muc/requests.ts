/** XEP-0045 §6.6, XEP-0045 §17.4: requests to occupants, and their answers. XEP-0410: MUC Self-Ping. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { Origin } from '../../core/session.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { TAG_LENGTH } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Whether somebody (his real address) may ask a user through a room: XEP-0191 §3.3. */
    'muc:may-ask'(account: JID, who: string): Maybe<boolean>
  }
}

/** `muc:may-ask`: what guards an account guards it from those who hide behind a nick, too. */
export function mayAsk({ hooks }: Host, account: JID, who: string): Maybe<boolean> {
  const request = Stanza.build('iq', { type: 'get', id: 'may-ask', from: JID.parse(who), to: account })
  return hooks.stages.lets(request, { owner: account, side: 'recipient', asked: true })
}

/** Answers for whom one cannot ask. */
function toAsker({ router }: Host): Origin {
  return { send: error => router.route(error) }
}

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
  const request = stanza.with({ from: room.addressOf(sender), to, id: `${tag}${stanza.id ?? ''}` })
  const { host } = parts
  const asked = host.router.answering(stanza, toAsker(host), async () => {
    if (
      to.domain === host.domain &&
      !(await host.router.atHome.run('muc:may-ask', to.bare, stanza.from.toString()))
    )
      throw new StanzaError('service-unavailable')
    handOn(parts, request)
  })
  host.background.run('muc', asked)
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
  host.background.run('muc', host.router.accept(stanza, toAsker(host)))
}
