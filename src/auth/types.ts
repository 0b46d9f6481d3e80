/** What the parts of SASL share; others import it from sasl.ts. */
import type { JID } from '../xml/jid.ts'
import type { Accounts } from './accounts.ts'

/** Defined conditions of a SASL failure: RFC 6120 §6.5. */
export type SaslCondition =
  | 'aborted'
  | 'account-disabled'
  | 'credentials-expired'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'mechanism-too-weak'
  | 'not-authorized'
  | 'temporary-auth-failure'

/** An error that ends one SASL exchange, not the stream: thrown anywhere below, turned into a failure step in one place (sasl.ts). */
export class SaslError extends Error {
  readonly condition: SaslCondition
  /** Text for the peer, English; never holds secrets, nor whether an account exists. */
  readonly text: string | undefined

  constructor(condition: SaslCondition, text?: string) {
    super(text === undefined ? condition : `${condition}: ${text}`)
    this.name = 'SaslError'
    this.condition = condition
    this.text = text
  }
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
  | SaslFailure

/** The end of an exchange that failed. */
export interface SaslFailure {
  readonly kind: 'failure'
  readonly condition: SaslCondition
  /** Text for the peer, English. */
  readonly text: string | undefined
  /** A fault of ours, for the log: set only with `temporary-auth-failure`. */
  readonly cause?: unknown
}

/** One attempt to sign in: ends with its first success or failure step. */
export interface SaslExchange {
  /**
   * Takes the client's next message: first the initial response (undefined if `<auth/>` was empty), then each response.
   * Never throws and never rejects. Steps must not overlap: await one before the next.
   */
  step(message: Buffer | undefined): Promise<SaslStep>
}
