import type { Element } from './element.ts'

/** Defined conditions of a stream error: RFC 6120 §4.9.3. */
export type StreamCondition =
  | 'bad-format'
  | 'bad-namespace-prefix'
  | 'conflict'
  | 'connection-timeout'
  | 'host-gone'
  | 'host-unknown'
  | 'improper-addressing'
  | 'internal-server-error'
  | 'invalid-from'
  | 'invalid-namespace'
  | 'invalid-xml'
  | 'not-authorized'
  | 'not-well-formed'
  | 'policy-violation'
  | 'remote-connection-failed'
  | 'reset'
  | 'resource-constraint'
  | 'restricted-xml'
  | 'see-other-host'
  | 'system-shutdown'
  | 'undefined-condition'
  | 'unsupported-encoding'
  | 'unsupported-feature'
  | 'unsupported-stanza-type'
  | 'unsupported-version'

/** An error that ends a stream (RFC 6120 §4.9): thrown anywhere, turned into `<stream:error/>` where the stream is closed. */
export class StreamError extends Error {
  readonly condition: StreamCondition
  /** Text for the peer; never holds secrets or message content. */
  readonly text: string | undefined
  /** Which rule of the reader was broken (refusal.ts): for tests and counters, never sent. */
  readonly rule: string | undefined
  /** RFC 6120 §4.9.4: says more than the condition does. */
  readonly application: Element | undefined
  /** RFC 6120 §4.9.3.19: where to go instead, a host or address, perhaps with a port; with `see-other-host`, and only there. */
  readonly otherHost: string | undefined

  constructor(
    condition: StreamCondition,
    text?: string,
    rule?: string,
    application?: Element,
    otherHost?: string,
  ) {
    super(text === undefined ? condition : `${condition}: ${text}`)
    this.name = 'StreamError'
    this.condition = condition
    this.text = text
    this.rule = rule
    this.application = application
    this.otherHost = otherHost
  }

  /** RFC 6120 §4.9.3.19: the client is to go to another host. */
  static seeOtherHost(host: string): StreamError {
    return new StreamError('see-other-host', undefined, undefined, undefined, host)
  }
}
