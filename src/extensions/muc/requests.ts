/** XEP-0045 §5.1.1, XEP-0045 §17.4: requests to occupants. XEP-0410: MUC Self-Ping. */
import { StanzaError } from '../../core/errors.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { MucParts } from './parts.ts'

/** A request, or an answer to one, for somebody under a nick; in the lane of the room. */
export async function passRequest(parts: MucParts, stanza: Stanza): Promise<void> {
  const { host, rooms } = parts
  const room = await rooms.find(stanza.to!)
  const sender = room?.occupant(stanza.from)
  const isRequest = stanza.type === 'get' || stanza.type === 'set'
  if (room === undefined || sender === undefined) {
    // XEP-0410 §3.2: "not-acceptable": the client is not joined.
    if (isRequest) throw new StanzaError('not-acceptable', { type: 'cancel' })
    return
  }
  const recipient = room.withNick(stanza.to!.resource)
  if (recipient === undefined) {
    if (isRequest) throw new StanzaError('item-not-found')
    return
  }
  // XEP-0410 §3.3: answered for the client, so that it need not be asked.
  if (recipient === sender && stanza.type === 'get' && stanza.has('ping', NS.ping)) {
    host.router.route(stanza.reply('result'))
    return
  }
  const [session] = recipient.sessions.values()
  await room.tell(() =>
    host.router.tellMany(stanza.with({ from: room.addressOf(sender) }), [session!.jid], stanza.from),
  )
}
