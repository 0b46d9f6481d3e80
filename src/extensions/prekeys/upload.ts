/** What a device uploads, read: nothing of it is trusted, and all of it has to be what a public key looks like. */
import { StanzaError } from '../../core/errors.ts'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import type { NumberedKey, SignedKey, Upload } from './keys.ts'

/** Keys of one kind that may come at once: checking them takes time, and a stanza has an end. */
const MOST_AT_ONCE = 100
/** Numbers of devices and keys; XEP-0384 §4.2: "an integer between 1 and 2^31 - 1". */
const MOST_NUMBER = 2 ** 31 - 1
/** Registration ids of the Signal protocol have 14 bits. */
const MOST_REGISTRATION = 2 ** 14 - 1
/** With the byte that says which kind of key it is; a private key has another length. */
const CURVE_BYTES = 33
const KYBER_BYTES = 1_569
const SIGNATURE_BYTES = 64

/** Reads `<publish/>`. Throws a StanzaError. */
export function readUpload(publish: Element): Upload {
  const parts = new Map(PARTS.map(name => [name, [] as Element[]]))
  for (const child of publish.getChildElements()) {
    const known = child.getNS() === NS.prekeys ? parts.get(child.getName()) : undefined
    // Nobody shall believe that the server keeps something that it does not know.
    if (known === undefined) throw new StanzaError('bad-request', { text: `<${child.getName()}/> is no key` })
    known.push(child)
  }
  const only = (name: string): Element | undefined => {
    const [first, ...more] = parts.get(name) ?? []
    if (more.length > 0) throw new StanzaError('bad-request', { text: `there are several <${name}/>` })
    return first
  }
  const identity = only('identity')
  if (identity === undefined) throw new StanzaError('bad-request', { text: '<identity/> is missing' })
  const signed = only('signed')
  const lastResort = only('last-resort')
  const { registration } = publish.attrs
  return {
    device: deviceNumber(publish.attrs.device),
    registration: registration === undefined ? undefined : number(registration, 0, MOST_REGISTRATION),
    identity: bytes(identity.getText(), CURVE_BYTES),
    signed: signed && signedKey(signed, CURVE_BYTES),
    lastResort: lastResort && signedKey(lastResort, KYBER_BYTES),
    oneTime: several(parts.get('one-time'), one => numbered(one, CURVE_BYTES)),
    kyber: several(parts.get('kyber'), one => signedKey(one, KYBER_BYTES)),
  }
}

const PARTS = ['identity', 'signed', 'last-resort', 'one-time', 'kyber']

/** The number of a device. Throws a StanzaError. */
export function deviceNumber(text: string | undefined): number {
  return number(text, 1, MOST_NUMBER)
}

function number(text: string | undefined, least: number, most: number): number {
  const value = text !== undefined && /^(?:0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new StanzaError('bad-request', { text: `a number from ${least} to ${most} is missing` })
}

function bytes(text: string, length: number): string {
  const base64 = text.trim()
  const decoded = Buffer.from(base64, 'base64')
  // Node reads what is no Base64, too.
  if (decoded.length === length && decoded.toString('base64') === base64) return base64
  throw new StanzaError('not-acceptable', { text: `a key or signature is not ${length} bytes in Base64` })
}

function numbered(element: Element, length: number): NumberedKey {
  return { id: number(element.attrs.id, 1, MOST_NUMBER), key: bytes(element.getText(), length) }
}

function signedKey(element: Element, length: number): SignedKey {
  return { ...numbered(element, length), signature: bytes(element.attrs.signature ?? '', SIGNATURE_BYTES) }
}

/** In the order of their numbers, each of which is there once. */
function several<K extends NumberedKey>(elements: readonly Element[] = [], read: (one: Element) => K): K[] {
  if (elements.length > MOST_AT_ONCE)
    throw new StanzaError('not-acceptable', {
      text: `at most ${MOST_AT_ONCE} keys of a kind come at once`,
    })
  const keys = elements.map(read).sort((one, other) => one.id - other.id)
  for (const [i, { id }] of keys.entries())
    if (keys[i + 1]?.id === id) throw new StanzaError('not-acceptable', { text: `there are two keys ${id}` })
  return keys
}
