/** XEP-0060: errors that name what went wrong beside the condition of RFC 6120. */
import { type Condition, type ErrorType, StanzaError } from '../../core/errors.ts'
import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** What is told of an error besides its conditions. */
interface Details {
  /** For people. */
  readonly text?: string
  /** Of `unsupported`: the feature that is not there (XEP-0060 §10). */
  readonly feature?: string
  /** Overrides the type that the RFC recommends for the condition. */
  readonly type?: ErrorType
}

/** A StanzaError with a condition of publish-subscribe. */
export function pubsubError(condition: Condition, specific: string, details: Details = {}): StanzaError {
  const { text, feature, type } = details
  const application = xml(specific, { xmlns: NS.pubsubErrors, feature })
  return new StanzaError(condition, {
    application,
    ...(text !== undefined && { text }),
    ...(type && { type }),
  })
}

/** XEP-0060 §7.2.3.5 and others: something that the XEP has and this service has not. */
export function unsupported(feature: string): StanzaError {
  return pubsubError('feature-not-implemented', 'unsupported', { feature })
}
