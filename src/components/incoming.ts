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
 * Makes a stanza of what the component of `domain` sent. Undefined for a stanza that can't be routed: that is answered here.
 * Throws the StreamError to close the stream with.
 */
export function incoming(top: TopElement, domain: string, component: Origin): Stanza | undefined {
  // RFC 6120 §4.9.3.24
  if (top.ns !== NS.client || !KINDS.has(top.name)) throw new StreamError('unsupported-stanza-type')
  const [from, to] = [top.attribute('from'), top.attribute('to')]
  // XEP-0114 §3: all stanzas have both addresses, as between servers: RFC 6120 §4.9.3.7.
  if (from === undefined || to === undefined)
    throw new StreamError('improper-addressing', 'a stanza of a component has from and to')
  const sender = JID.tryParse(from)
  // XEP-0114 §3: the domain of `from` is the component's; RFC 6120 §4.9.3.9 says how to refuse another.
  if (sender?.domain !== domain) throw new StreamError('invalid-from')
  const recipient = JID.tryParse(to)
  const stanza = Stanza.fromElement(top, sender, recipient)
  if (recipient === undefined)
    // RFC 6120 §8.3.3.8
    return refuse(stanza.with({ to: JID.parse(domain) }), 'jid-malformed', component)
  // RFC 6120 §8.2.3: an IQ has an id, and one of four types.
  if (stanza.kind === 'iq' && (stanza.id === undefined || !IQ_TYPES.has(stanza.type)))
    return refuse(stanza, 'bad-request', component)
  return stanza
}

function refuse(stanza: Stanza, condition: 'jid-malformed' | 'bad-request', component: Origin): undefined {
  const answer = errorReply(stanza, new StanzaError(condition))
  if (answer !== undefined) component.send(answer)
}
