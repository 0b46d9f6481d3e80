import { StanzaError } from '../core/errors.ts'
import { type Element, xml } from '../xml/element.ts'
import { type JID, JIDError } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { failed, isManagement } from './management-elements.ts'
import type { Newcomer } from './newcomer.ts'
import { resume } from './resume.ts'
import { ClientSession } from './session.ts'

/**
 * Resource binding (RFC 6120 §7), or the resumption of a session (XEP-0198 §5). Resolves when the session runs; rejects with the
 * StreamError to close the stream with.
 */
export async function bind(newcomer: Newcomer): Promise<void> {
  const { stream, account, device, router, parts, attempts } = newcomer
  for (let attempt = 1; ; attempt++) {
    const request = await stream.element()
    if (isManagement(request)) {
      if (await manage(request, newcomer)) return
      // XEP-0198 §5: the client may go on to bind.
      if (attempt >= attempts) throw new StreamError('policy-violation', 'too many failed requests to resume')
      continue
    }
    // RFC 6120 §7.1: the server must not process stanzas other than the request to bind.
    if (request.name !== 'iq' || request.ns !== NS.client || !request.has('bind', NS.bind))
      throw new StreamError('not-authorized', 'bind a resource first')
    const session = new ClientSession(stream, parts)
    try {
      const handle = await router.bind(account, resourceOf(request, account), session, device)
      session.begin(handle, [stream.wire.element(answer(request, 'result', bound(handle.jid)))])
      return
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error
      stream.send(answer(request, 'error', error.element()))
      // RFC 6120 §7.6.3: the number of retries is bounded.
      if (attempt >= attempts) throw new StreamError('policy-violation', 'too many failed requests to bind')
    }
  }
}

/** Takes a request to resume a session: true when that goes on over this stream. */
async function manage(request: TopElement, newcomer: Newcomer): Promise<boolean> {
  const { name } = request
  // XEP-0198 §3: stream management is enabled after binding.
  const refusal =
    name === 'resume'
      ? await resume({ id: request.attribute('previd'), h: request.attribute('h') }, newcomer)
      : failed('unexpected-request')
  if (refusal !== undefined) newcomer.stream.send(refusal)
  return refusal === undefined
}

/** The resource that the client asks for, prepared; undefined if it leaves that to the server. Throws a StanzaError. */
function resourceOf(request: TopElement, account: JID): string | undefined {
  // RFC 6120 §8.2.3: a change is asked for by type set.
  if (request.attribute('type') !== 'set') throw new StanzaError('bad-request')
  const asked = request.child('bind', NS.bind)?.getChild('resource', NS.bind)
  if (asked === undefined) return undefined
  const text = asked.getText()
  try {
    // RFC 6120 §7.7.2.1: bad-request for a resource of zero length or against the rules of addresses.
    if (text === '') throw new StanzaError('bad-request', { text: 'the resource is empty' })
    return account.withResource(text).resource
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
    throw new StanzaError('bad-request', { text: error.message })
  }
}

function bound(jid: JID): Element {
  return xml('bind', { xmlns: NS.bind }, xml('jid', {}, jid.toString()))
}

/** Without addresses, as in RFC 6120 §7.6.1: the client has none yet. */
function answer(request: TopElement, type: string, payload: Element): Element {
  return xml('iq', { type, id: request.attribute('id') }, payload)
}
