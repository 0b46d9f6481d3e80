/** Whether keys are keys, and signed by whom they say. Nothing here knows a secret. */
import { StanzaError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { isTypedPoint, type SignalLibrary, signalLibrary } from '../curve25519.ts'
import type { SignedKey, Upload } from './keys.ts'

/** Of Kyber-1024: numbers of 12 bits less than this one, then 32 bytes, as FIPS 203 has it in 7.2. */
const KYBER_MODULUS = 3_329
const KYBER_VECTOR_BYTES = 1_536
/** Checks between two chances for others. */
const AT_ONCE = 16

/** Rejects with the StanzaError `not-acceptable` where something of an upload is no key or has a wrong signature. */
export async function verify(upload: Upload, log: Log): Promise<void> {
  const library = await signalLibrary(log)
  if (library === undefined)
    throw new StanzaError('service-unavailable', { text: 'keys cannot be checked here' })
  const { PublicKey, KEMPublicKey } = library
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
  if (!isTypedPoint(bytesOf(base64))) throw refused(`${what} is no key of Curve25519`)
}

function requireKyberKey({ id, key }: SignedKey, kem: SignalLibrary['KEMPublicKey']): void {
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

function bytesOf(base64: string): Buffer<ArrayBuffer> {
  return Buffer.from(base64, 'base64')
}

function refused(text: string): StanzaError {
  return new StanzaError('not-acceptable', { text })
}
