/** What the server may and must do about a case of the grammar fuzz. */
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import type { XmlElement, XmlEvent } from '../support/dialogue/xml.ts'
import type { Addresses, FuzzCase } from './grammar-elements.ts'

/** Whether somebody claims a request: type, place, namespace and name of its child. */
export type Claims = (type: string, place: 'server' | 'account', namespace: string, name: string) => boolean

/** What an element of the stream namespace gets inside a stream, or as a header that lacks this or that: RFC 6120 §4.7, §4.8. */
const STREAM_ELEMENT = [
  'bad-format',
  'bad-namespace-prefix',
  'unsupported-stanza-type',
  'not-authorized',
  'invalid-namespace',
  'unsupported-version',
  'improper-addressing',
  'host-unknown',
]

/** Stream errors that a state allows; anything else is wrong, above all internal-server-error. */
export function allowedStreamErrors(one: FuzzCase, addresses: Addresses): readonly string[] {
  const { state, name, namespace, attributes } = one
  if (namespace === NS.stream) return STREAM_ELEMENT
  if (namespace === NS.server || namespace === NS.component)
    return ['invalid-namespace', 'unsupported-stanza-type', 'not-authorized']
  switch (state) {
    case 'no header':
      return ['invalid-namespace', 'bad-format', 'bad-namespace-prefix']
    case 'before TLS':
    case 'before sign-in':
      if (isInline(one)) return MANAGEMENT
      return namespace === NS.sasl || namespace === NS.sasl2 || isStartTls(one) || isRegistration(one)
        ? []
        : ['not-authorized', 'unsupported-stanza-type']
    case 'before binding':
      if (isNonza(one)) return MANAGEMENT
      return isBind(one) ? [] : ['not-authorized', 'unsupported-stanza-type']
    case 'bound':
      if (isNonza(one)) return MANAGEMENT
      if (namespace !== NS.client || !['message', 'presence', 'iq'].includes(name))
        return ['unsupported-stanza-type']
      return ownFrom(attributes.from, addresses) ? [] : ['invalid-from']
  }
}

/** Whether the stream must end, with one of these errors. */
export function mustEnd(one: FuzzCase, addresses: Addresses): boolean {
  return allowedStreamErrors(one, addresses).length > 0 && !isNonza(one) && !isInline(one)
}

/** XEP-0198 §9.2: a wish to resume along with signing in, which counts if that succeeds. */
function isInline({ name, namespace, children }: FuzzCase): boolean {
  return (
    name === 'authenticate' &&
    namespace === NS.sasl2 &&
    children.some(([child, ns]) => child === 'resume' && ns === NS.streamManagement)
  )
}

/** Stream errors that XEP-0198 §6 has for counts that can't be; whether one is due depends on what came before. */
const MANAGEMENT = ['policy-violation', 'undefined-condition']

/** What is no stanza, once signed in: XEP-0198 and XEP-0352. It is answered, ignored or the end of the stream. */
export function isNonza({ state, name, namespace }: FuzzCase): boolean {
  if (state === 'bound' && namespace === NS.clientState) return ['active', 'inactive'].includes(name)
  const signedIn = state === 'before binding' || state === 'bound'
  return signedIn && namespace === NS.streamManagement && ['enable', 'resume', 'a', 'r'].includes(name)
}

/** STARTTLS where it may be asked for: answered by proceed or failure (RFC 6120 §5.4.2.1). */
export function isStartTls({ state, name, namespace }: FuzzCase): boolean {
  return name === 'starttls' && namespace === NS.tls && (state === 'before TLS' || state === 'before sign-in')
}

/** XEP-0077 §3.1.1: a request before sign-in, in good form; it gets one answer. */
export function isRegistration({ state, name, namespace, attributes, children }: FuzzCase): boolean {
  const [child, ...others] = children
  return (
    state === 'before sign-in' &&
    name === 'iq' &&
    namespace === NS.client &&
    attributes.id !== undefined &&
    (attributes.type === 'get' || attributes.type === 'set') &&
    (attributes.to === undefined || attributes.to === 'localhost') &&
    others.length === 0 &&
    child?.[0] === 'query' &&
    child[1] === NS.register
  )
}

function isBind({ name, namespace, children }: FuzzCase): boolean {
  return (
    name === 'iq' &&
    namespace === NS.client &&
    children.some(([name, ns]) => name === 'bind' && ns === NS.bind)
  )
}

/** Who must answer a stanza, and how: error conditions, `result`, or none at all. `delivered` if it goes on to a client. */
export interface Expectation {
  readonly answers: readonly string[]
  readonly delivered: boolean
}

/** The judgement on a stanza of a bound stream that is not ended by it. */
export function expectation(one: FuzzCase, addresses: Addresses, claims: Claims): Expectation | undefined {
  const { name, attributes } = one
  const { type, to: address } = attributes
  // RFC 6120 §8.3.1: no error answers an error.
  const silent = type === 'error' || (name === 'iq' && type === 'result')
  const to = address === undefined ? undefined : parse(address)
  if (to === null) return answer(silent, 'jid-malformed')
  if (name !== 'iq') return undefined
  // RFC 6120 §8.2.3
  if (attributes.id === undefined || !['get', 'set', 'result', 'error'].includes(type ?? ''))
    return answer(type === 'error' || type === 'result', 'bad-request')
  if (to !== undefined && to.domain !== 'localhost') return answer(silent, 'remote-server-not-found')
  if (to !== undefined && to.local !== '' && to.resource !== '') {
    const there = address === addresses.self || address === addresses.other
    // XEP-0012 §4: not for strangers.
    if (type === 'get' && address !== addresses.self && asksLastActivity(one))
      return { answers: ['forbidden', 'service-unavailable'], delivered: false }
    // RFC 6121 §8.5.3.1: a request reaches only resources that share their presence, which the other client does with nobody.
    if (!silent && address !== addresses.self) return answer(false, 'service-unavailable')
    return there ? { answers: [], delivered: true } : answer(silent, 'service-unavailable')
  }
  if (silent) return { answers: [], delivered: false }
  const wanted = handled(one, to, claims)
  // XEP-0012 §4: the question among other children gets either error.
  const asksOther = to !== undefined && to.local !== '' && to.toString() !== bareOf(addresses.self)
  return type === 'get' && asksOther && asksLastActivity(one)
    ? { ...wanted, answers: [...wanted.answers, 'forbidden'] }
    : wanted
}

function asksLastActivity({ children }: FuzzCase): boolean {
  return children.some(([name, ns]) => name === 'query' && ns === NS.lastActivity)
}

/** What handlers answer. */
const HANDLED = [
  'result',
  'item-not-found',
  'service-unavailable',
  'bad-request',
  'forbidden',
  'not-allowed',
  'not-acceptable',
  'jid-malformed',
  'resource-constraint',
  'conflict',
  'not-authorized',
  'feature-not-implemented',
]

/** A request that the server answers itself. */
function handled(one: FuzzCase, to: JID | undefined, claims: Claims): Expectation {
  const [child, ...others] = one.children
  const session =
    one.attributes.type === 'set' &&
    one.children.some(([name, ns]) => name === 'session' && ns === NS.session)
  // COMPAT RFC 3921 §3: a session may be asked for, however.
  if (session) return { answers: ['result', 'bad-request', 'service-unavailable'], delivered: false }
  if (child === undefined || others.length > 0) return answer(false, 'bad-request')
  const place = to !== undefined && to.local === '' ? 'server' : 'account'
  const [name, namespace] = child
  const claimed = claims(one.attributes.type ?? '', place, namespace, name)
  // What a handler makes of it is its own affair; a stranger gets what nobody claims.
  return claimed ? { answers: HANDLED, delivered: false } : answer(false, 'service-unavailable')
}

function answer(silent: boolean, condition: string): Expectation {
  return { answers: silent ? [] : [condition], delivered: false }
}

function parse(address: string): JID | null {
  try {
    return JID.parse(address)
  } catch {
    return null
  }
}

function ownFrom(from: string | undefined, { self }: Addresses): boolean {
  return from === undefined || bareOf(from) === bareOf(self)
}

function bareOf(address: string): string {
  return address.replace(/\/.*/, '')
}

/** The condition of an error, `result`, or the type of what came. */
export function verdictOf(element: XmlElement): string {
  const type = element.attributes.get('type') ?? ''
  if (type !== 'error') return type
  const error = element.children.find(child => typeof child === 'object' && child.name === 'error')
  const condition = typeof error === 'object' ? error.children[0] : undefined
  return typeof condition === 'object' ? condition.name : 'an error without condition'
}

/** The condition of a stream error among what came, if any. */
export function streamErrorIn(events: readonly XmlEvent[]): string | undefined {
  for (const event of events) {
    if (event.kind !== 'element' || event.element.namespace !== NS.stream || event.element.name !== 'error')
      continue
    const [condition] = event.element.children
    return typeof condition === 'object' ? condition.name : 'no condition'
  }
  return undefined
}
