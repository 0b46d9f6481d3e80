/** SASL as XMPP uses it (RFC 6120 §6): which mechanisms a stream offers, and one exchange of messages. */
import { TidingsError } from '../core/errors.ts'
import { plain } from './plain.ts'
import { SCRAM_HASHES, type ScramHash } from './scram.ts'
import { ScramExchange } from './scram-exchange.ts'
import { type SaslContext, SaslError, type SaslExchange, type SaslFailure, type SaslStep } from './types.ts'

export { channelBindings } from './channel-bindings.ts'
export * from './types.ts'

/** What decides the mechanisms of a stream. */
export interface SaslOffer {
  /** The stream is encrypted. */
  readonly tls: boolean
  /** PLAIN is offered without TLS too: only where `listeners.xmpp.tls` is `offered` or `off`. */
  readonly plainWithoutTls: boolean
  /** Channel binding types the stream has, strongest first (`channelBindings()`): none, no -PLUS. */
  readonly channelBindings: readonly string[]
}

const HASHES = Object.keys(SCRAM_HASHES) as ScramHash[]
const SCRAM = /^SCRAM-(SHA-1|SHA-256|SHA-512)(?:-PLUS)?$/

/** The mechanisms to offer, most preferred first. */
export function mechanisms(offer: SaslOffer): string[] {
  const names = HASHES.map(hash => `SCRAM-${hash}`)
  const plus = offer.channelBindings.length > 0 ? names.map(name => `${name}-PLUS`) : []
  // RFC 6120 §13.8.3: PLAIN goes with TLS, unless the operator says otherwise.
  return [...plus, ...names, ...(offer.tls || offer.plainWithoutTls ? ['PLAIN'] : [])]
}

/** Starts an exchange. What was not offered fails in its first step: `invalid-mechanism`, or `encryption-required` for PLAIN. */
export function start(mechanism: string, context: SaslContext): SaslExchange {
  const advance = choose(mechanism, context)
  let begun = false
  let ended = false
  const step = async (message: Buffer | undefined): Promise<SaslStep> => {
    if (ended) throw new SaslError('malformed-request', 'This exchange has ended.')
    // RFC 6120 §6.4.2: all our mechanisms have the client speak first; without an initial response an empty challenge asks for it.
    if (message === undefined && !begun && context.offered.mechanisms.includes(mechanism)) {
      begun = true
      return { kind: 'challenge', data: undefined }
    }
    begun = true
    return advance(message ?? Buffer.alloc(0))
  }
  return {
    async step(message) {
      const result = await step(message).catch(failure)
      ended = result.kind !== 'challenge'
      return result
    },
  }
}

/** What takes the client's messages one by one, for a mechanism by name. */
function choose(mechanism: string, context: SaslContext): (message: Buffer) => Promise<SaslStep> {
  const hash = SCRAM.exec(mechanism)?.[1] as ScramHash | undefined
  if (!context.offered.mechanisms.includes(mechanism))
    return () => Promise.reject(notOffered(mechanism, context))
  if (mechanism === 'PLAIN') return message => plain(message, context)
  if (hash === undefined) return () => Promise.reject(notOffered(mechanism, context))
  const exchange = new ScramExchange(hash, mechanism, context)
  return message => exchange.step(message)
}

function notOffered(mechanism: string, context: SaslContext): SaslError {
  // RFC 6120 §6.5.4: the mechanism is there, once the stream is encrypted.
  const needsTls = mechanism === 'PLAIN' && context.tls === undefined
  return new SaslError(needsTls ? 'encryption-required' : 'invalid-mechanism')
}

/** The one place where errors become an answer. What is no SaslError is a fault of ours (storage, too many passwords to check). */
function failure(error: unknown): SaslFailure {
  if (error instanceof SaslError) return { kind: 'failure', condition: error.condition, text: error.text }
  // RFC 6120 §6.5.1
  if (error instanceof TidingsError && error.code === 'TIDINGS_ACCOUNT_DISABLED')
    return { kind: 'failure', condition: 'account-disabled', text: undefined }
  return { kind: 'failure', condition: 'temporary-auth-failure', text: undefined, cause: error }
}

/**
 * The text of `<auth/>` or `<response/>` as bytes: undefined if empty, no bytes for `=` (RFC 6120 §6.4.2).
 * Throws a SaslError as `decodeBase64` does.
 */
export function decodeSasl(text: string): Buffer | undefined {
  if (text === '') return undefined
  return text === '=' ? Buffer.alloc(0) : decodeBase64(text)
}

/** Throws a SaslError `incorrect-encoding` on anything but canonical Base64 (RFC 6120 §6.5.5, RFC 4648 §4). */
export function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new SaslError('incorrect-encoding')
  return bytes
}

/** The text of `<challenge/>` or `<success/>`: `=` for no bytes, empty for undefined (RFC 6120 §6.4.3, §6.4.6). */
export function encodeSasl(data: Buffer | undefined): string {
  if (data === undefined) return ''
  return data.length === 0 ? '=' : data.toString('base64')
}
