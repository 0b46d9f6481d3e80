import { errorReply, StanzaError } from '../core/errors.ts'
import type { Origin } from '../core/session.ts'
import { JID } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { Stanza } from '../xml/stanza.ts'
import { StreamError } from '../xml/stream-error.ts'

const KINDS: ReadonlySet<string> = new Set(['message', 'presence', 'iq'])
const IQ_TYPES: ReadonlySet<string | undefined> = new Set(['get', 'set', 'result', 'error'])

/**
 * Makes a stanza of what a client sent: checked, and stamped with its address (hop 2 of ARCHITECTURE §7). Undefined for a stanza that
 * can't be routed: that is answered here. Throws the StreamError to close the stream with.
 */
export function incoming(top: TopElement, jid: JID, client: Origin): Stanza | undefined {
  // RFC 6120 §4.9.3.24
  if (top.ns !== NS.client || !KINDS.has(top.name)) throw new StreamError('unsupported-stanza-type')
  // RFC 6120 §8.1.2.1, §4.9.3.9: `from` becomes the client's own full address; that of another account ends the stream.
  const from = top.attribute('from')
  if (from !== undefined && !isOwn(from, jid)) throw new StreamError('invalid-from')
  const to = top.attribute('to')
  const address = to === undefined ? undefined : JID.tryParse(to)
  const stanza = Stanza.fromElement(top, jid, address)
  if (to !== undefined && address === undefined) {
    // RFC 6120 §8.3.3.8: answered by the server, since whom it was for can't be told.
    const error = new StanzaError('jid-malformed')
    return refuse(errorReply(stanza, error)?.with({ from: JID.parse(jid.domain) }), client)
  }
  return stanza.kind === 'iq' ? incomingIq(stanza, jid, client) : stanza
}

function incomingIq(stanza: Stanza, jid: JID, client: Origin): Stanza | undefined {
  // RFC 6120 §8.2.3: an IQ has an id, and one of four types.
  if (stanza.id === undefined || !IQ_TYPES.has(stanza.type))
    return refuse(errorReply(stanza, new StanzaError('bad-request')), client)
  const toServer =
    stanza.to === undefined || stanza.to.equals(jid.bare) || stanza.to.toString() === jid.domain
  // COMPAT clients of RFC 3921 §3: they establish a session after binding. There is nothing left to do.
  if (toServer && stanza.type === 'set' && stanza.has('session', NS.session))
    return refuse(stanza.reply('result'), client)
  return stanza
}

function refuse(answer: Stanza | undefined, client: Origin): undefined {
  if (answer !== undefined) client.send(answer)
}

/** COMPAT Converse 14: after a reload it names a new resource in the session that it resumes (XEP-0198 §5). */
function isOwn(from: string, jid: JID): boolean {
  return from === jid.toString() || JID.tryParse(from)?.bare.equals(jid.bare) === true
}
