/** Whether keys are keys, and signed by whom they say. Nothing here knows a secret. */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { SignedKey, Upload } from './keys.ts'

type Library = typeof import('@signalapp/libsignal-client')

/** What comes before a key of Curve25519 in the form that Node reads (RFC 8410 §4). */
const X25519_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
/** The byte that libsignal writes before a key of Curve25519. */
const CURVE_TYPE = 5
/** Of Kyber-1024: numbers of 12 bits less than this one, then 32 bytes, as FIPS 203 has it in 7.2. */
const KYBER_MODULUS = 3_329
const KYBER_VECTOR_BYTES = 1_536
/** Checks between two chances for others. */
const AT_ONCE = 16

let own: KeyObject | undefined

/** Loaded with the first upload: it takes 29 MB, and most servers never need it. Rejects with a StanzaError. */
async function library(log: Log): Promise<Library> {
  try {
    return await import('@signalapp/libsignal-client')
  } catch (err) {
    log.error(
      { code: 'TIDINGS_SIGNAL_LIBRARY', err },
      'libsignal could not be loaded: keys cannot be checked',
    )
    throw new StanzaError('service-unavailable', { text: 'keys cannot be checked here' })
  }
}

/** Rejects with the StanzaError `not-acceptable` where something of an upload is no key or has a wrong signature. */
export async function verify(upload: Upload, log: Log): Promise<void> {
  const { PublicKey, KEMPublicKey } = await library(log)
  const { identity, signed, lastResort, oneTime, kyber } = upload
  requireCurveKey(identity, 'the identity key')
  const signer = PublicKey.deserialize(bytesOf(identity))
  const requireSignature = ({ id, key, signature }: SignedKey): void => {
    if (!signer.verify(bytesOf(key), bytesOf(signature)))
      throw refused(`the signature of key ${id} is not by the identity key`)
  }
  if (signed !== undefined) {
    requireCurveKey(signed.key, `key ${signed.id}`)
    requireSignature(signed)
  }
  const checks = [
    ...oneTime.map(
      ({ id, key }) =>
        () =>
          requireCurveKey(key, `key ${id}`),
    ),
    ...[...kyber, ...(lastResort === undefined ? [] : [lastResort])].map(one => () => {
      requireKyberKey(one, KEMPublicKey)
      requireSignature(one)
    }),
  ]
  for (const [i, check] of checks.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate)
    check()
  }
}

function requireCurveKey(base64: string, what: string): void {
  const [type, ...key] = bytesOf(base64)
  if (type !== CURVE_TYPE || !isCurvePoint(Buffer.from(key))) throw refused(`${what} is no key of Curve25519`)
}

/** Whether this is the one way to write a point of Curve25519, and one with which secrets can be agreed on. */
function isCurvePoint(key: Buffer): boolean {
  const last = key[31]!
  // RFC 7748 §5: the last bit is ignored, and so are multiples of 2^255 - 19: two ways to write one key.
  const canonical = last < 0x80 && !(last === 0x7f && key[0]! >= 0xed && key.subarray(1, 31).every(isFull))
  if (!canonical) return false
  own ??= generateKeyPairSync('x25519').privateKey
  try {
    const publicKey = createPublicKey({
      key: Buffer.concat([X25519_HEAD, key]),
      format: 'der',
      type: 'spki',
    })
    // RFC 7748 §6.1: a point of small order makes all zeros of any secret, which OpenSSL refuses.
    diffieHellman({ privateKey: own, publicKey })
    return true
  } catch {
    return false
  }
}

function requireKyberKey({ id, key }: SignedKey, kem: Library['KEMPublicKey']): void {
  const bytes = bytesOf(key)
  try {
    kem.deserialize(bytes)
  } catch {
    throw refused(`key ${id} is no key of Kyber`)
  }
  const vector = bytes.subarray(1, 1 + KYBER_VECTOR_BYTES)
  let sum = 0
  for (let i = 0; i < vector.length; i += 3) {
    const [a, b, c] = [vector[i]!, vector[i + 1]!, vector[i + 2]!]
    const [one, other] = [a | ((b & 15) << 8), (b >> 4) | (c << 4)]
    if (one >= KYBER_MODULUS || other >= KYBER_MODULUS) throw refused(`key ${id} is no key of Kyber`)
    sum += one + other
  }
  if (sum === 0) throw refused(`key ${id} is no key of Kyber`)
}

function isFull(byte: number): boolean {
  return byte === 0xff
}

function bytesOf(base64: string): Buffer<ArrayBuffer> {
  return Buffer.from(base64, 'base64')
}

function refused(text: string): StanzaError {
  return new StanzaError('not-acceptable', { text })
}
