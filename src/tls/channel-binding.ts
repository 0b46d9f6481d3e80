/** What channel binding (RFC 5056) takes from a TLS connection. */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** The channel binding data of an encrypted server-side socket; `SaslTls` of src/auth/types.ts has this shape. */
export interface TlsBinding {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly protocol: string
  /** Keying material of RFC 5705 with an empty context. */
  exporter(label: string, length: number): Buffer
  /** Hash of the certificate this side presented: RFC 5929 §4.1; undefined if its signature has none. */
  endPointHash(): Buffer | undefined
}

/** Reads it from the socket itself, after its handshake: right for the certificate this connection was shown, whatever was reloaded since. */
export function tlsBinding(socket: TLSSocket): TlsBinding {
  let hash: { readonly value: Buffer | undefined } | undefined
  return {
    protocol: socket.getProtocol() ?? '',
    exporter: (label, length) => socket.exportKeyingMaterial(length, label, Buffer.alloc(0)),
    endPointHash() {
      const certificate = socket.getX509Certificate()
      hash ??= { value: certificate && endPointHash(certificate) }
      return hash.value
    },
  }
}

/** The hash of a certificate for tls-server-end-point (RFC 5929 §4.1); undefined if its signature has no hash function of its own. */
export function endPointHash(certificate: X509Certificate): Buffer | undefined {
  const digest = digestOf(certificate)
  return digest === undefined ? undefined : createHash(digest).update(certificate.raw).digest()
}

/** RFC 5929 §4.1: the hash of the signature algorithm; for MD5 and SHA-1 it is SHA-256. */
function digestOf(certificate: X509Certificate): string | undefined {
  const oid = certificate.signatureAlgorithmOid
  return oid === RSASSA_PSS ? pssDigest(certificate.raw) : oid === undefined ? undefined : DIGESTS[oid]
}

/** Signature algorithms with their hash: RFC 3279 §2.2, RFC 4055 §5, RFC 5758 §3. EdDSA hashes in its own way and is left out. */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'sha256', // md5WithRSAEncryption
  '1.2.840.113549.1.1.5': 'sha256', // sha1WithRSAEncryption
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.10045.4.1': 'sha256', // ecdsa-with-SHA1
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

const RSASSA_PSS = '1.2.840.113549.1.1.10'
const RSASSA_PSS_DER = Buffer.from('06092a864886f70d01010a', 'hex')
/** 2.16.840.1.101.3.4.2: below it 1 is SHA-256, 2 SHA-384, 3 SHA-512, 4 SHA-224. */
const NIST_HASHES_DER = Buffer.from('06096086480165030402', 'hex')
const NIST_HASHES = [undefined, 'sha256', 'sha384', 'sha512', 'sha224']

/** RFC 4055 §3.1: RSASSA-PSS names its hash in its parameters; without, it is SHA-1. */
function pssDigest(certificate: Buffer): string | undefined {
  const start = certificate.indexOf(RSASSA_PSS_DER)
  // The identifier is the first thing in the sequence that holds the parameters too, whose length is one byte.
  const algorithm = certificate.subarray(start, start + certificate[start - 1]!)
  const named = algorithm.indexOf(NIST_HASHES_DER)
  return named < 0 ? 'sha256' : NIST_HASHES[algorithm[named + NIST_HASHES_DER.length]!]
}
