/** Public keys of Curve25519 as end-to-end encryption has them, and the library that verifies their signatures. */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Log } from '../core/log.ts'

export type SignalLibrary = typeof import('@signalapp/libsignal-client')

/** What comes before a key of Curve25519 in the form that Node reads (RFC 8410 §4). */
const X25519_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
/** The byte that libsignal writes before a key of Curve25519. */
const TYPE = 5

let own: KeyObject | undefined

/** Loaded when it is first needed: it takes 29 MB, and most servers never need it. Undefined where it is not installed, which is logged. */
export async function signalLibrary(log: Log): Promise<SignalLibrary | undefined> {
  try {
    return await import('@signalapp/libsignal-client')
  } catch (err) {
    log.error(
      { code: 'TIDINGS_SIGNAL_LIBRARY', err },
      'libsignal could not be loaded: keys cannot be checked',
    )
    return undefined
  }
}

/** Whether these are 33 bytes as libsignal writes a point, with which secrets can be agreed on. */
export function isTypedPoint(bytes: Buffer): boolean {
  return bytes.length === 33 && bytes[0] === TYPE && isPoint(bytes.subarray(1))
}

/** Whether this is the one way to write a point of Curve25519, and one with which secrets can be agreed on. */
export function isPoint(key: Buffer): boolean {
  if (key.length !== 32) return false
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

function isFull(byte: number): boolean {
  return byte === 0xff
}
