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
