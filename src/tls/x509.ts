/**
 * Writes a self-signed certificate: X.509 v3 (RFC 5280) in DER (ITU-T X.690), ECDSA on P-256 (RFC 5480, RFC 5758).
 * The one shape we need is shorter than the start-up cost of a library for all of them (130 ms and 22 MB for @peculiar/x509).
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import ipaddr from 'ipaddr.js'

/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'))
/** 2.5.4.3 */
const COMMON_NAME = identifier('550403')
/** 2.5.29.19 */
const BASIC_CONSTRAINTS = identifier('551d13')
/** 2.5.29.15 */
const KEY_USAGE = identifier('551d0f')
/** 2.5.29.37 */
const EXTENDED_KEY_USAGE = identifier('551d25')
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = identifier('551d11')
/** 1.3.6.1.5.5.7.3.1 */
const SERVER_AUTH = identifier('2b06010505070301')

/** A name that a certificate is valid for: RFC 5280 §4.2.1.6. */
export type SubjectName = { readonly dns: string } | { readonly address: string }

/** What the certificate says. */
export interface SelfSignedOptions {
  /** Shown to people where a client asks them; 64 characters at most count. */
  readonly commonName: string
  /** DNS names as A-labels, and IP addresses. */
  readonly names: readonly SubjectName[]
  readonly notBefore: Date
  readonly notAfter: Date
}

/** A certificate and its key as PEM, for a new key pair. */
export function selfSigned(options: SelfSignedOptions): {
  readonly certificate: string
  readonly key: string
} {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = toBeSigned(options, publicKey.export({ type: 'spki', format: 'der' }))
  const signature = sign('sha256', body, privateKey)
  const certificate = sequence(body, ECDSA_WITH_SHA256, bits(signature))
  return { certificate: pem(certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

/** RFC 5280 §4.1: TBSCertificate. */
function toBeSigned(options: SelfSignedOptions, publicKeyInfo: Uint8Array): Buffer {
  const { commonName, names, notBefore, notAfter } = options
  const name = sequence(
    tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName.slice(0, 64))))),
  )
  const serial = randomBytes(16)
  // RFC 5280 §4.1.2.2: a positive number; a first byte from 0x40 to 0x7f keeps it positive and of full length.
  serial[0] = (serial[0]! & 0x3f) | 0x40
  return sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))), // version 3
    tagged(0x02, serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKeyInfo,
    tagged(0xa3, sequence(...extensions(names))),
  )
}

/** RFC 5280 §4.2.1: no CA, signs handshakes, for servers, under these names. */
function extensions(names: readonly SubjectName[]): Buffer[] {
  return [
    extension(BASIC_CONSTRAINTS, true, sequence()),
    extension(KEY_USAGE, true, bits(Buffer.from([0x80]), 7)),
    extension(EXTENDED_KEY_USAGE, false, sequence(SERVER_AUTH)),
    extension(SUBJECT_ALT_NAME, false, sequence(...names.map(generalName))),
  ]
}

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  return sequence(id, ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []), tagged(0x04, value))
}

function generalName(name: SubjectName): Buffer {
  return 'dns' in name
    ? tagged(0x82, Buffer.from(name.dns))
    : tagged(0x87, Buffer.from(ipaddr.parse(name.address).toByteArray()))
}

/** RFC 5280 §4.1.2.5: UTCTime to the end of 2049, GeneralizedTime from then on; whole seconds. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits))
}

/** A value by its tag byte: X.690 §8.1. */
function tagged(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), length(body.length), body])
}

/** X.690 §10.1: the definite form, as short as possible. */
function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes])
  const digits = bytes.toString(16)
  const long = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | long.length]), long])
}

function sequence(...items: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...items)
}

function bits(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), bytes)
}

/** An object identifier by its encoded content. */
function identifier(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'))
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
