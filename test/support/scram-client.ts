/**
 * The client's side of SCRAM (RFC 5802, RFC 7677), with and without channel binding, for tests: written from the RFC and
 * sharing no code with src/auth, so that a mistake made there is not made here too. It can also misbehave on purpose.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** A sign-in, as a client would hold it; everything optional is for misbehaving or for fixed test vectors. */
export interface ScramClientOptions {
  /** For instance `SCRAM-SHA-256-PLUS`. */
  readonly mechanism: string
  readonly username: string
  readonly password: string
  readonly authzid?: string
  /** Channel binding of a -PLUS mechanism. */
  readonly binding?: { readonly type: string; readonly data: Buffer }
  /** The gs2 flag; default `p=<type>` with `binding`, else `n`. */
  readonly flag?: string
  readonly nonce?: string
  /** Attributes after the nonce of the first message, without the comma: `x=1`. */
  readonly firstExtensions?: string
  /** Attributes after the nonce of the final message. */
  readonly finalExtensions?: string
  /** What the stream features offered; if given, the server must send the matching hash of XEP-0474. */
  readonly offered?: { readonly mechanisms: readonly string[]; readonly channelBindings: readonly string[] }
}

const DIGESTS: Record<string, [digest: string, length: number]> = {
  'SHA-1': ['sha1', 20],
  'SHA-256': ['sha256', 32],
  'SHA-512': ['sha512', 64],
}

/** One sign-in: `first()`, `final(challenge)`, `verify(success)`. */
export class ScramClient {
  private readonly options: ScramClientOptions
  private readonly digest: string
  private readonly length: number
  private readonly nonce: string
  private serverSignature = ''

  constructor(options: ScramClientOptions) {
    this.options = options
    this.nonce = options.nonce ?? randomBytes(12).toString('hex')
    const found = DIGESTS[options.mechanism.replace('SCRAM-', '').replace('-PLUS', '')]
    if (found === undefined) throw new Error(`${options.mechanism} is not known`)
    ;[this.digest, this.length] = found
  }

  /** The client-first-message. */
  first(): Buffer {
    return Buffer.from(this.gs2Header() + this.firstBare())
  }

  /** The client-final-message for a server-first-message. Throws if that one is wrong. */
  final(challenge: Buffer): Buffer {
    const { password, binding, finalExtensions } = this.options
    const serverFirst = challenge.toString()
    const { r, s, i, h } = attributes(serverFirst)
    if (!r?.startsWith(this.nonce) || r === this.nonce) throw new Error('the server did not add to the nonce')
    this.checkDowngrade(h)
    const salted = pbkdf2Sync(password, Buffer.from(s!, 'base64'), Number(i), this.length, this.digest)
    const bound = Buffer.concat([Buffer.from(this.gs2Header()), binding?.data ?? Buffer.alloc(0)])
    const withoutProof = `c=${bound.toString('base64')},r=${r}${finalExtensions ? `,${finalExtensions}` : ''}`
    const authMessage = `${this.firstBare()},${serverFirst},${withoutProof}`
    const clientKey = this.hmac(salted, 'Client Key')
    const signature = this.hmac(createHash(this.digest).update(clientKey).digest(), authMessage)
    const proof = clientKey.map((byte, at) => byte ^ signature[at]!)
    this.serverSignature = this.hmac(this.hmac(salted, 'Server Key'), authMessage).toString('base64')
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
  }

  /** Checks the server-final-message: throws if it does not prove that the server knows the keys. */
  verify(success: Buffer | undefined): void {
    if (success?.toString() !== `v=${this.serverSignature}`)
      throw new Error('the server did not prove itself')
  }

  private gs2Header(): string {
    const { binding, flag, authzid } = this.options
    const chosen = flag ?? (binding === undefined ? 'n' : `p=${binding.type}`)
    return `${chosen},${authzid === undefined ? '' : `a=${escapeName(authzid)}`},`
  }

  private firstBare(): string {
    const { username, firstExtensions } = this.options
    return `n=${escapeName(username)},r=${this.nonce}${firstExtensions ? `,${firstExtensions}` : ''}`
  }

  /** XEP-0474 §5.2: the client computes the hash over what it saw and compares. */
  private checkDowngrade(hash: string | undefined): void {
    const { offered } = this.options
    if (offered === undefined) return
    const types = offered.channelBindings
    const list = offered.mechanisms.toSorted().join('\u001e')
    const text = types.length === 0 ? list : `${list}\u001f${types.toSorted().join('\u001e')}`
    if (createHash(this.digest).update(text).digest('base64') !== hash)
      throw new Error('the lists were tampered with')
  }

  private hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.digest, key).update(text).digest()
  }
}

/** Channel binding data as a client takes it from its socket: RFC 9266, RFC 5929 §4 (for certificates signed with SHA-256). */
export function clientBinding(socket: TLSSocket, type: 'tls-exporter' | 'tls-server-end-point') {
  const data =
    type === 'tls-exporter'
      ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      : createHash('sha256').update(socket.getPeerX509Certificate()!.raw).digest()
  return { type, data }
}

function attributes(message: string): Record<string, string | undefined> {
  return Object.fromEntries(message.split(',').map(part => [part[0], part.slice(2)]))
}

function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}
