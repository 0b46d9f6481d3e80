/**
 * The server's side of SCRAM (RFC 5802; RFC 7677; XEP-0474), pure: what goes in comes from the caller, also the nonce.
 * Names of messages and attributes are the RFC's.
 */

import { isUtf8 } from 'node:buffer'
import { createHmac, hash as digestOf, timingSafeEqual } from 'node:crypto'

/** A hash function as the mechanism names it: `SCRAM-SHA-256`. */
export type ScramHash = 'SHA-1' | 'SHA-256' | 'SHA-512'

/** Node's name and the length in bytes of each. */
export const SCRAM_HASHES: Readonly<Record<ScramHash, { readonly digest: string; readonly length: number }>> =
  {
    'SHA-512': { digest: 'sha512', length: 64 },
    'SHA-256': { digest: 'sha256', length: 32 },
    'SHA-1': { digest: 'sha1', length: 20 },
  }

/** Length of a salt: RFC 5802 leaves it open; 16 random bytes never come twice. */
export const SALT_BYTES = 16

/** What a server keeps of a password for one hash: RFC 5802 §3. It verifies the password and can't be used to sign in. */
export interface ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** `server-error-value` of RFC 5802 §7, as far as we send them; `unknown-user` would tell too much. */
export type ScramErrorValue =
  | 'channel-binding-not-supported'
  | 'channel-bindings-dont-match'
  | 'extensions-not-supported'
  | 'invalid-encoding'
  | 'invalid-proof'
  | 'other-error'
  | 'server-does-support-channel-binding'
  | 'unsupported-channel-binding-type'

/** Why an exchange failed. */
export class ScramError extends Error {
  readonly value: ScramErrorValue

  constructor(value: ScramErrorValue) {
    super(value)
    this.name = 'ScramError'
    this.value = value
  }
}

/** Keys from a salted password: RFC 5802 §3 (SaltedPassword is what PBKDF2 gives). */
export function scramKeys(
  hash: ScramHash,
  saltedPassword: Buffer,
  salt: Buffer,
  iterations: number,
): ScramKeys {
  const { digest } = SCRAM_HASHES[hash]
  const clientKey = createHmac(digest, saltedPassword).update('Client Key').digest()
  const storedKey = digestOf(digest, clientKey, 'buffer')
  const serverKey = createHmac(digest, saltedPassword).update('Server Key').digest()
  return { salt, iterations, storedKey, serverKey }
}

/** XEP-0474 §5.1: the hash of everything that the client could choose from, in Base64. */
export function downgradeHash(
  hash: ScramHash,
  mechanisms: readonly string[],
  channelBindings: readonly string[],
): string {
  // All names are ASCII, so the order of UTF-16 units is that of i;octet.
  let list = [...mechanisms].sort().join('\x1e')
  if (channelBindings.length > 0) list += `\x1f${[...channelBindings].sort().join('\x1e')}`
  return digestOf(SCRAM_HASHES[hash].digest, list, 'base64')
}

/** How one exchange is held. */
export interface ScramOptions {
  readonly hash: ScramHash
  /** The mechanism is a -PLUS. */
  readonly plus: boolean
  /** This stream offered some -PLUS. */
  readonly plusOffered: boolean
  /** Data of a channel binding type that this stream offered, undefined for all others. */
  readonly channelBinding: (type: string) => Buffer | undefined
  /** Our part of the nonce: fresh for each exchange, printable ASCII without commas. */
  readonly nonce: string
  /** Attribute `h` of XEP-0474. */
  readonly downgradeHash?: string
}

/** What the client says first. */
export interface ClientFirst {
  readonly username: string
  readonly authzid: string | undefined
}

const SASLNAME = '(?:[^,=\\0]|=2C|=3D)+'
/** RFC 5802 §7: gs2-header. */
const GS2_HEADER = new RegExp(`^(?:[ny]|p=([A-Za-z0-9.-]+)),(?:a=(${SASLNAME}))?,`)
/** RFC 5802 §7: client-first-message-bare; optional extensions are let through. */
const CLIENT_FIRST_BARE = new RegExp(`^n=(${SASLNAME}),r=([!-+\\--~]+)(?:,[A-Za-z]=[^,\\0]+)*$`)
/** RFC 5802 §7: client-final-message. */
const CLIENT_FINAL = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,\0]+)*?),p=([A-Za-z0-9+/=]+)$/

/** One exchange: `first`, `challenge`, `final`, in that order, once each. Each throws a ScramError. */
export class Scram {
  private readonly options: ScramOptions
  private gs2Header = ''
  private boundData: Buffer | undefined
  private clientFirstBare = ''
  private nonce = ''
  private serverFirst = ''
  private keys: ScramKeys | undefined

  constructor(options: ScramOptions) {
    this.options = options
  }

  /** Takes the client-first-message. */
  first(message: Buffer): ClientFirst {
    const text = decode(message)
    const header = GS2_HEADER.exec(text)
    if (header === null) throw new ScramError('invalid-encoding')
    const [gs2Header, bindingType, authzid] = header
    this.boundData = this.chooseBinding(text[0]!, bindingType)
    this.gs2Header = gs2Header
    this.clientFirstBare = text.slice(gs2Header.length)
    // RFC 5802 §5.1: a mandatory extension that the server does not know MUST make it fail, and there is none we know.
    if (this.clientFirstBare.startsWith('m=')) throw new ScramError('extensions-not-supported')
    const bare = CLIENT_FIRST_BARE.exec(this.clientFirstBare)
    if (bare === null) throw new ScramError('invalid-encoding')
    this.nonce = bare[2]! + this.options.nonce
    return { username: plainName(bare[1]!), authzid: authzid === undefined ? undefined : plainName(authzid) }
  }

  /** The server-first-message for the keys of this user (or made-up ones: the client must not see a difference). */
  challenge(keys: ScramKeys): Buffer {
    this.keys = keys
    const { downgradeHash } = this.options
    this.serverFirst = `r=${this.nonce},s=${keys.salt.toString('base64')},i=${keys.iterations}`
    if (downgradeHash !== undefined) this.serverFirst += `,h=${downgradeHash}`
    return Buffer.from(this.serverFirst)
  }

  /** Takes the client-final-message; what it returns is the server-final-message, and the proof was right. */
  final(message: Buffer): Buffer {
    const parts = CLIENT_FINAL.exec(decode(message))
    if (parts === null || this.keys === undefined) throw new ScramError('invalid-encoding')
    const [, withoutProof, binding, nonce, proof] = parts as unknown as [
      string,
      string,
      string,
      string,
      string,
    ]
    // RFC 5802 §5.1: the server MUST verify that the nonce is the one it sent.
    if (nonce !== this.nonce) throw new ScramError('other-error')
    // RFC 5802 §6: the header, and the data where it is bound, must be what both sides saw.
    const expected = Buffer.concat([Buffer.from(this.gs2Header), this.boundData ?? Buffer.alloc(0)])
    if (!equal(fromBase64(binding), expected)) throw new ScramError('channel-bindings-dont-match')
    const authMessage = `${this.clientFirstBare},${this.serverFirst},${withoutProof}`
    if (!verifies(this.options.hash, this.keys, authMessage, fromBase64(proof)))
      throw new ScramError('invalid-proof')
    const { digest } = SCRAM_HASHES[this.options.hash]
    return Buffer.from(`v=${createHmac(digest, this.keys.serverKey).update(authMessage).digest('base64')}`)
  }

  /** RFC 5802 §6: what the client's flag means for a server that offers channel binding or does not. */
  private chooseBinding(flag: string, type: string | undefined): Buffer | undefined {
    const { plus, plusOffered, channelBinding } = this.options
    if (flag === 'p') {
      if (!plus) throw new ScramError('channel-binding-not-supported')
      const data = channelBinding(type!)
      if (data === undefined) throw new ScramError('unsupported-channel-binding-type')
      return data
    }
    // "y": the client could, but saw no -PLUS. If we offered one, somebody between us took it out of the list.
    if (flag === 'y' && plusOffered) throw new ScramError('server-does-support-channel-binding')
    // A -PLUS mechanism without binding is a contradiction, not a weaker choice.
    if (plus) throw new ScramError('channel-bindings-dont-match')
    return undefined
  }
}

/** RFC 5802 §3: ClientKey is the proof XOR the signature; its hash must be StoredKey. */
function verifies(hash: ScramHash, keys: ScramKeys, authMessage: string, proof: Buffer): boolean {
  const { digest, length } = SCRAM_HASHES[hash]
  if (proof.length !== length) return false
  const clientKey = createHmac(digest, keys.storedKey).update(authMessage).digest()
  for (let i = 0; i < length; i++) clientKey[i]! ^= proof[i]!
  return equal(digestOf(digest, clientKey, 'buffer'), keys.storedKey)
}

function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

function decode(message: Buffer): string {
  if (!isUtf8(message)) throw new ScramError('invalid-encoding')
  return message.toString()
}

/** RFC 5802 §5.1: ',' and '=' in a name are sent as '=2C' and '=3D'. */
function plainName(name: string): string {
  return name.replace(/=2C|=3D/g, code => (code === '=2C' ? ',' : '='))
}

function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new ScramError('invalid-encoding')
  return bytes
}
