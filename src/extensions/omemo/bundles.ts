/** XEP-0384 §5.3.2: what a device publishes of its keys, of both versions, and whether it can be used. */
import { createPublicKey, verify } from 'node:crypto'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { isPoint, isTypedPoint, type SignalLibrary } from '../curve25519.ts'

/** What is wrong with a bundle, in words that hold nothing of it; undefined: nothing. */
export type Verdict = string | undefined

/** What comes before a key of Ed25519 in the form that Node reads (RFC 8410 §4). */
const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_BYTES = 64
/** XEP-0384 §5.3.2: "a positive integer between 1 and 2^31 - 1". */
const MOST_NUMBER = 2 ** 31 - 1

/** The keys of a bundle. */
interface Keys {
  readonly identity: Buffer | undefined
  readonly signed: Element | undefined
  readonly signature: Buffer | undefined
  /** Keys that are used once. */
  readonly others: readonly Element[]
  /** The attribute that numbers a key. */
  readonly numbers: readonly [signed: string, other: string]
}

/** A version of the protocol. */
export interface Version {
  /** Whether bundles are in a node of this name. */
  readonly has: (node: string) => boolean
  /** The number of the device, where the node and the item tell it. */
  readonly device: (node: string, item: string) => string
  /** `library`: undefined where the version does without it. */
  readonly judge: (bundle: Element, library: SignalLibrary | undefined) => Verdict
  readonly needsLibrary: boolean
}

const LEGACY = `${NS.omemoLegacy}.bundles:`

/** As most clients speak it: keys as libsignal writes them, and signatures as it makes them. */
export const legacy: Version = {
  has: node => node.startsWith(LEGACY),
  device: node => node.slice(LEGACY.length),
  needsLibrary: true,
  judge(bundle, library) {
    if (!bundle.is('bundle', NS.omemoLegacy)) return 'it is no bundle'
    const keys: Keys = {
      identity: bytesIn(bundle.getChild('identityKey')),
      signed: bundle.getChild('signedPreKeyPublic'),
      signature: bytesIn(bundle.getChild('signedPreKeySignature')),
      others: bundle.getChild('prekeys')?.getChildren('preKeyPublic') ?? [],
      numbers: ['signedPreKeyId', 'preKeyId'],
    }
    return judged(keys, isTypedPoint, isTypedPoint, (identity, key, signature) => {
      const bytes = (buffer: Buffer): Uint8Array<ArrayBuffer> => Uint8Array.from(buffer)
      return library!.PublicKey.deserialize(bytes(identity)).verify(bytes(key), bytes(signature))
    })
  },
}

/** Version 2. XEP-0384 §4.2: "The public key is ALWAYS transferred in its Ed25519 form and only valid EdDSA signatures are transferred". */
export const current: Version = {
  has: node => node === `${NS.omemo}:bundles`,
  device: (_, item) => item,
  needsLibrary: false,
  judge(bundle) {
    if (!bundle.is('bundle', NS.omemo)) return 'it is no bundle'
    const keys: Keys = {
      identity: bytesIn(bundle.getChild('ik')),
      signed: bundle.getChild('spk'),
      signature: bytesIn(bundle.getChild('spks')),
      others: bundle.getChild('prekeys')?.getChildren('pk') ?? [],
      numbers: ['id', 'id'],
    }
    return judged(
      keys,
      key => key.length === 32,
      isPoint,
      (identity, key, signature) => {
        const spki = Buffer.concat([ED25519_HEAD, identity])
        return verify(null, key, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)
      },
    )
  },
}

/** Whether a text is the number of a device. */
export function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MOST_NUMBER
}

/** Whether a text is the number of a key. COMPAT Converse 14: it counts from 0, where XEP-0384 §5.3.2 counts from 1. */
function isKeyNumber(text: string | undefined): boolean {
  return text === '0' || isNumber(text)
}

function judged(
  { identity, signed, signature, others, numbers }: Keys,
  isIdentity: (key: Buffer) => boolean,
  isKey: (key: Buffer) => boolean,
  verifies: (identity: Buffer, key: Buffer, signature: Buffer) => boolean,
): Verdict {
  if (identity === undefined || !isIdentity(identity)) return 'its identity key is none'
  const key = bytesIn(signed)
  if (key === undefined || !isKey(key) || !isKeyNumber(signed?.attrs[numbers[0]]))
    return 'its signed key is none'
  if (signature?.length !== SIGNATURE_BYTES || !verified(() => verifies(identity, key, signature)))
    return 'the signature of its signed key is wrong'
  if (others.length === 0) return 'it has no keys that are used once'
  const seen = new Set<string>()
  for (const other of others) {
    const number = other.attrs[numbers[1]]
    const bytes = bytesIn(other)
    if (!isKeyNumber(number) || bytes === undefined || !isKey(bytes)) return 'a key that is used once is none'
    // XEP-0384 §5.3.2: the id "uniquely identifies the keys".
    if (seen.has(`id ${number}`) || seen.has(bytes.toString('hex')))
      return 'a key that is used once is there twice'
    seen.add(`id ${number}`).add(bytes.toString('hex'))
  }
  return undefined
}

/** What is no point at all makes libraries throw. */
function verified(verifies: () => boolean): boolean {
  try {
    return verifies()
  } catch {
    return false
  }
}

/** The bytes of an element in Base64, whose lines may be broken. */
function bytesIn(element: Element | undefined): Buffer | undefined {
  const base64 = element?.getText().replace(/\s+/g, '')
  if (base64 === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined
  return Buffer.from(base64, 'base64')
}
