/** XEP-0388 §2.6.1: what a client asks for along with signing in, and gets with its success: a session to resume, or a resource (XEP-0386). */
import { createHash } from 'node:crypto'
import { StanzaError } from '../core/errors.ts'
import { madeUpResource } from '../core/sessions.ts'
import { type Element, xml } from '../xml/element.ts'
import { type JID, JIDError } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { bind } from './bind.ts'
import { bindFeatures, boundFeatures, featuresKey } from './features.ts'
import { enabled } from './management-elements.ts'
import type { Newcomer } from './newcomer.ts'
import type { C2sOptions } from './options.ts'
import { resume } from './resume.ts'
import { newId } from './resumption.ts'
import { ClientSession } from './session.ts'
import type { SessionParts } from './session-parts.ts'
import type { SignedIn } from './sign-in.ts'
import type { Stream } from './stream.ts'

/** XEP-0388 §2.3: "The contents of the 'id' attribute MUST be a UUID v4." */
const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
/** Bytes of what makes a device the only one of its account. */
const UNIQUE_BYTES = 9

/** Goes on with a client that has signed in, as far as a running session. Rejects with the StreamError to close the stream with. */
export async function proceedInline(
  stream: Stream,
  { account, form, data, request }: SignedIn,
  { router, limits }: C2sOptions,
  parts: SessionParts,
): Promise<void> {
  const device = deviceOf(request)
  const newcomer: Newcomer = { stream, account, device, router, parts, attempts: limits.attempts }
  const { stanzaBytes } = limits.reader
  const host = router.host(account.domain)
  const results: Element[] = []

  // XEP-0198 §9.2: "that MUST be processed first by the server"; then there is nothing to bind, and no features are sent.
  const wanted = request.child('resume', NS.streamManagement)
  if (wanted !== undefined) {
    const { previd, h } = wanted.attrs as Record<string, string | undefined>
    const refusal = await resume({ id: previd, h }, newcomer, (resumed, jid) =>
      form.success(data, jid, [resumed]),
    )
    if (refusal === undefined) return
    results.push(refusal)
  }

  const asked = request.child('bind', NS.bind2)
  const bound = asked && (await bindInline(asked, newcomer))
  if (bound !== undefined) {
    const { session, handle, state } = bound
    const success = stream.wire.element(form.success(data, handle.jid, [...results, bound.element]))
    const managed = state.managed !== undefined
    const features = stream.features(`${featuresKey(host)} bound ${managed}`, () =>
      boundFeatures(stanzaBytes, managed, host?.streamFeatures),
    )
    session.begin(handle, [success, features], state)
    return
  }

  // XEP-0388 §2.6.1: the identifier is a bare address "unless resource binding has occurred"; the client sees that it has that to do.
  stream.send(form.success(data, account, results))
  stream.sendFeatures(featuresKey(host), () => bindFeatures(stanzaBytes, host?.streamFeatures))
  await bind(newcomer)
}

/** XEP-0386 §3.2; undefined when the client could not be bound: it may try again in the older way, which tells why. */
async function bindInline(asked: Element, { stream, account, device, router, parts }: Newcomer) {
  const session = new ClientSession(stream, parts)
  const wish = { resource: resourceOf(asked, account, device), device, inline: asked }
  const bound = await router.bindInline(account, wish, session).catch((error: unknown) => {
    if (error instanceof StanzaError) return undefined
    throw error
  })
  if (bound === undefined) return undefined
  const { handle, inline: element = xml('bound', { xmlns: NS.bind2 }) } = bound
  const { limits } = parts.resumption
  const enable = asked.getChild('enable', NS.streamManagement)
  const managed = enable && { id: newId(enable.attrs.resume, limits) }
  // XEP-0386 §3.2: "The <bound/> response MUST contain the resulting XEP-0198 <enabled/>".
  if (managed !== undefined) element.cnode(enabled(managed.id, limits))
  const inactive = asked.getChild('inactive', NS.clientState) !== undefined
  return { session, handle, element, state: { managed, inactive } }
}

/** Which installation of which client it is; undefined for one that does not say it, or not as it must. */
function deviceOf(request: TopElement): string | undefined {
  const agent = request.child('user-agent', NS.sasl2)
  const id: string = String(agent?.attrs.id).toLowerCase()
  return UUID.test(id) ? id : undefined
}

/**
 * XEP-0386 §3.2.1: the client's tag and what makes it unique: for the same client of an account always the same. That does not tell the
 * client's id, which "MUST NOT be exposed". A tag that no resource can hold is left out.
 */
function resourceOf(asked: Element, account: JID, device: string | undefined): string {
  const unique = device === undefined ? madeUpResource() : resourceOfDevice(account, device)
  const tag = asked.getChild('tag', NS.bind2)?.getText() ?? ''
  try {
    return tag === '' ? unique : account.withResource(`${tag}/${unique}`).resource
  } catch (error) {
    if (error instanceof JIDError) return unique
    throw error
  }
}

function resourceOfDevice(account: JID, device: string): string {
  const digest = createHash('sha256').update(`${account} ${device}`).digest()
  return digest.subarray(0, UNIQUE_BYTES).toString('base64url')
}
