/** XEP-0227 §4.3: keys of SCRAM. */
import type { TopElement } from '../../xml/top-element.ts'
import { HASHES, type KeysByHash } from './types.ts'

const BYTES: Readonly<Record<(typeof HASHES)[number], number>> = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-512': 64 }
/** More would keep a core busy for seconds with every sign-in by password. */
const MOST_ITERATIONS = 10_000_000
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** The keys of an element; undefined for those of an unknown hash, and for damaged ones. */
export function readKeys(element: TopElement): KeysByHash | undefined {
  const mechanism = element.attribute('mechanism')
  const hash = HASHES.find(one => `SCRAM-${one}` === mechanism)
  if (hash === undefined) return undefined
  const tree = element.tree()
  const text = (name: string): string => tree.getChild(name)?.getText().trim() ?? ''
  const count = text('iter-count')
  const iterations = /^[1-9]\d{0,7}$/.test(count) ? Number(count) : 0
  // ejabberd (23.01) encodes what is Base64 already: then all three are so.
  const once = decode(text('stored-key'))
  const twice = once.length > BYTES[hash] && decode(once.toString('latin1')).length === BYTES[hash]
  const bytes = (name: string): Buffer => {
    const first = decode(text(name))
    return twice ? decode(first.toString('latin1')) : first
  }
  const [salt, serverKey, storedKey] = [bytes('salt'), bytes('server-key'), bytes('stored-key')]
  const fits =
    serverKey.length === BYTES[hash] &&
    storedKey.length === BYTES[hash] &&
    salt.length > 0 &&
    salt.length <= 256
  if (!fits || iterations === 0 || iterations > MOST_ITERATIONS) return undefined
  return { [hash]: { salt, iterations, serverKey, storedKey } }
}

/** No bytes for what is no Base64. */
function decode(text: string): Buffer {
  return Buffer.from(BASE64.test(text) ? text : '', 'base64')
}
