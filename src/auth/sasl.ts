/** SASL as XMPP uses it (RFC 6120 §6): which mechanisms a stream offers, and one exchange of messages. */
import type { JID } from '../xml/jid.ts'
import type { Accounts } from './accounts.ts'
import { type SaslCondition, SaslError } from './sasl-error.ts'

export { type SaslCondition, SaslError } from './sasl-error.ts'

/** What decides the mechanisms of a stream. */
export interface SaslOffer {
  /** The stream is encrypted. */
  readonly tls: boolean
  /** PLAIN is offered without TLS too: only where `listeners.xmpp.tls` is `offered` or `off`. */
  readonly plainWithoutTls: boolean
  /** Channel binding types the stream has, strongest first (`channelBindings()`): none, no -PLUS. */
  readonly channelBindings: readonly string[]
}

/** What channel binding needs to know of an encrypted stream. */
export interface SaslTls {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly protocol: string
  /** Keying material of RFC 5705 with an empty context. */
  exporter(label: string, length: number): Buffer
  /** Hash of the certificate this side presented (RFC 5929 §4.1); undefined where the RFC defines none for its signature. */
  endPointHash(): Buffer | undefined
}

/** What an exchange needs to know of its stream. */
export interface SaslContext {
  /** The domain the client signs in to, prepared. */
  readonly host: string
  readonly accounts: Accounts
  /** Both lists exactly as this stream's features named them: XEP-0474 hashes them, and RFC 5802 §6 asks whether a -PLUS was there. */
  readonly offered: { readonly mechanisms: readonly string[]; readonly channelBindings: readonly string[] }
  readonly tls: SaslTls | undefined
}

/** What the server answers to one message of the client. `data` is not yet Base64: see `encodeSasl`. */
export type SaslStep =
  | { readonly kind: 'challenge'; readonly data: Buffer | undefined }
  | { readonly kind: 'success'; readonly data: Buffer | undefined; readonly jid: JID }
  | { readonly kind: 'failure'; readonly condition: SaslCondition; readonly text?: string }

/** One attempt to sign in: ends with its first success or failure step. */
export interface SaslExchange {
  /**
   * Takes the client's next message: first the initial response (undefined if `<auth/>` was empty), then each response.
   * Never throws and never rejects. Steps must not overlap: await one before the next.
   */
  step(message: Buffer | undefined): Promise<SaslStep>
}

/** The mechanisms to offer, most preferred first. */
export function mechanisms(offer: SaslOffer): string[] {
  throw new Error(`to be written: ${offer.tls}`)
}

/** The channel binding types of a stream (XEP-0440), strongest first. */
export function channelBindings(tls: SaslTls | undefined): string[] {
  throw new Error(`to be written: ${tls}`)
}

/** Starts an exchange. What was not offered fails in its first step: `invalid-mechanism`, or `encryption-required` for PLAIN. */
export function start(mechanism: string, context: SaslContext): SaslExchange {
  throw new Error(`to be written: ${mechanism} ${context.host}`)
}

/**
 * The text of `<auth/>` or `<response/>` as bytes: undefined if empty, no bytes for `=` (RFC 6120 §6.4.2).
 * Throws a SaslError `incorrect-encoding` on anything but canonical Base64 (RFC 6120 §6.5.5, RFC 4648 §4).
 */
export function decodeSasl(text: string): Buffer | undefined {
  throw new SaslError('incorrect-encoding', text)
}

/** The text of `<challenge/>` or `<success/>`: `=` for no bytes, empty for undefined (RFC 6120 §6.4.3, §6.4.6). */
export function encodeSasl(data: Buffer | undefined): string {
  throw new Error(`to be written: ${data}`)
}
