import { constants, createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { certificateError } from './certificate-error.ts'

/** A certificate chain and its key as PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** Where a certificate comes from. */
export type CertificateSource = 'file' | 'self-made'

/** A certificate with its key, checked and ready for use. */
export interface Pair {
  readonly files: CertificateFiles
  readonly source: CertificateSource
  /** A hash of what the files held, to see a change. */
  readonly fingerprint: string
  readonly certificate: X509Certificate
  /** DNS names in lower case (A-labels, may start with `*.`) and IP addresses that it is valid for. */
  readonly names: readonly string[]
  readonly context: SecureContext
}

/** RFC 9325 §4.2: forward secrecy and authenticated encryption only; the client, who may be a phone, knows which is cheap for it. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * No tickets: a resumed session skips the choice of a certificate, so that the two sides could disagree about the one that
 * tls-server-end-point binds to; nor has a ticket key that lives for months a place beside forward secrecy.
 */
const SECURE_OPTIONS = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION

/** Loads a pair; `known` is given back if the files have not changed since. Throws a TidingsError. */
export async function loadPair(
  files: CertificateFiles,
  source: CertificateSource,
  known?: Pair,
): Promise<Pair> {
  const [chain, key] = await Promise.all([read(files.certificate), read(files.key)])
  const fingerprint = createHash('sha256').update(chain).update('\n').update(key).digest('base64')
  if (known?.fingerprint === fingerprint) return known
  const certificate = parse(files.certificate, 'certificate', () => new X509Certificate(chain))
  const privateKey = parse(files.key, 'private key without a passphrase', () => createPrivateKey(key))
  checkMatch(files, certificate, privateKey)
  const context = parse(files.certificate, 'certificate chain that can be used', () =>
    createSecureContext({
      cert: chain,
      key,
      // RFC 9325 §3.1.1; RFC 7590 §3.1 for XMPP.
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      secureOptions: SECURE_OPTIONS,
    }),
  )
  return { files, source, fingerprint, certificate, names: subjectNames(certificate), context }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw certificateError(
      'TIDINGS_CERTIFICATE_UNREADABLE',
      `${path} can't be read (${why}): check the path in the configuration and that this user may read the file.`,
      { cause: error },
    )
  }
}

function parse<T>(path: string, what: string, attempt: () => T): T {
  try {
    return attempt()
  } catch (error) {
    throw certificateError(
      'TIDINGS_CERTIFICATE_INVALID',
      `${path} holds no ${what}: it must be a PEM file.`,
      {
        cause: error,
      },
    )
  }
}

function checkMatch(files: CertificateFiles, certificate: X509Certificate, key: KeyObject): void {
  if (certificate.checkPrivateKey(key)) return
  throw certificateError(
    'TIDINGS_CERTIFICATE_KEY_MISMATCH',
    `${files.key} is not the key of ${files.certificate}: the first certificate in that file must be the server's own.`,
  )
}

/** RFC 6125 §6.4: what subjectAltName says; the common name counts for nobody any more. */
function subjectNames(certificate: X509Certificate): string[] {
  const entries = certificate.subjectAltName?.split(', ') ?? []
  return entries.flatMap(entry => {
    const [, kind, name] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? []
    return kind === undefined || name === undefined ? [] : [name.toLowerCase()]
  })
}
