import { createHash } from 'node:crypto'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** Hash functions by their name in XEP-0300; XEP-0115 §8.1: SHA-1 is the one that all have. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-1', 'sha1'],
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/** What an entity says that it can do. */
export interface Capabilities {
  readonly features: ReadonlySet<string>
}

/** Whether a verification string made with this hash function can be checked. */
export function isKnownHash(hash: string): boolean {
  return HASHES.has(hash)
}

/** The features in an answer to disco#info. */
export function capabilitiesOf(query: Element): Capabilities {
  return { features: new Set(featuresOf(query)) }
}

/**
 * XEP-0115 §5.1: the verification string of an answer to disco#info; undefined if the answer is ill-formed (§5.4 rule 3).
 * @param hash a name for which `isKnownHash` is true
 */
export function verificationString(query: Element, hash: string): string | undefined {
  const identities = query.getChildren('identity', NS.discoInfo).map(identityText)
  const features = featuresOf(query)
  const forms = query
    .getChildren('x', NS.forms)
    .map(formOf)
    .filter(form => form !== undefined)
  const types = forms.map(form => form.type)
  if (forms.some(form => form.ambiguous)) return undefined
  if ([identities, features, types].some(hasTwice)) return undefined
  const parts = [
    ...identities.sort(byOctets),
    ...features.sort(byOctets),
    ...forms
      .sort((one, other) => byOctets(one.type, other.type))
      .flatMap(form => [form.type, ...form.fields]),
  ]
  // What separates the parts must not be in one of them: else another answer would have the same string.
  if (parts.some(part => part.includes('<'))) return undefined
  return createHash(HASHES.get(hash) ?? '')
    .update(parts.map(part => `${part}<`).join(''))
    .digest('base64')
}

function featuresOf(query: Element): string[] {
  return query.getChildren('feature', NS.discoInfo).map(feature => String(feature.attrs.var ?? ''))
}

/** XEP-0115 §5.1 rule 2: each slash is there, whatever is missing. */
function identityText({ attrs }: Element): string {
  return [attrs.category, attrs.type, attrs['xml:lang'], attrs.name].map(part => part ?? '').join('/')
}

/** A form as it is hashed. */
interface Form {
  readonly type: string
  /** Names and values, in order. */
  readonly fields: readonly string[]
  /** Its FORM_TYPE has two values that differ. */
  readonly ambiguous: boolean
}

/** XEP-0115 §5.4 rule 3: undefined for a form without a hidden FORM_TYPE, which is ignored. */
function formOf(x: Element): Form | undefined {
  const fields = x.getChildren('field', NS.forms)
  const formType = fields.find(field => field.attrs.var === 'FORM_TYPE')
  if (formType === undefined || formType.attrs.type !== 'hidden') return undefined
  const [type = '', ...more] = valuesOf(formType)
  const others = fields
    .filter(field => field !== formType)
    .map(field => ({ name: String(field.attrs.var ?? ''), values: valuesOf(field).sort(byOctets) }))
    .sort((one, other) => byOctets(one.name, other.name))
  return {
    type,
    fields: others.flatMap(({ name, values }) => [name, ...values]),
    ambiguous: more.some(value => value !== type),
  }
}

function valuesOf(field: Element): string[] {
  return field.getChildren('value', NS.forms).map(value => value.getText())
}

function hasTwice(texts: readonly string[]): boolean {
  return new Set(texts).size < texts.length
}

/** RFC 4790 §9.3: i;octet. */
function byOctets(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
