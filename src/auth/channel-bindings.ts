/** Channel binding types: what they are made of, and which ones a stream has. */

import type { SaslTls } from './types.ts'

/** Data of a type, from an encrypted stream; undefined if this stream does not have it. Strongest first. */
const TYPES: Readonly<Record<string, (tls: SaslTls) => Buffer | undefined>> = {
  // RFC 9266 §3: below TLS 1.3 only with an extended master secret, and node:tls does not say whether there is one.
  'tls-exporter': tls =>
    tls.protocol === 'TLSv1.3' ? tls.exporter('EXPORTER-Channel-Binding', 32) : undefined,
  'tls-server-end-point': tls => tls.endPointHash(),
}

/** The channel binding types of a stream (XEP-0440), strongest first. */
export function channelBindings(tls: SaslTls | undefined): string[] {
  return tls === undefined ? [] : Object.keys(TYPES).filter(type => channelBinding(tls, type) !== undefined)
}

/** Data of a channel binding type; undefined if the stream does not have it. */
export function channelBinding(tls: SaslTls | undefined, type: string): Buffer | undefined {
  return tls !== undefined && Object.hasOwn(TYPES, type) ? TYPES[type]?.(tls) : undefined
}
