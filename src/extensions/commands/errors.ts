/** XEP-0050 §4.4: the errors of commands. */
import { StanzaError } from '../../core/errors.ts'
import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** XEP-0050 §4.4: what comes with bad-request. */
type Refusal = 'malformed-action' | 'bad-action' | 'bad-locale' | 'bad-payload' | 'bad-sessionid'

/** A bad-request of XEP-0050 §4.4; `text` is for the one who asks. */
export function refusal(condition: Refusal, text: string): StanzaError {
  return new StanzaError('bad-request', { text, application: xml(condition, { xmlns: NS.commands }) })
}

/** Thrown by a command: the last form is filled in wrongly. Its session stays at that form, so that it can be sent again. */
export function badPayload(text: string): StanzaError {
  return refusal('bad-payload', text)
}

/** Whether an error is what `badPayload` makes. */
export function isBadPayload(error: unknown): boolean {
  return error instanceof StanzaError && error.application?.is('bad-payload', NS.commands) === true
}

/** The session has ended: it was completed or cancelled, or nothing was heard for too long. */
export function sessionExpired(): StanzaError {
  return new StanzaError('not-allowed', {
    text: 'this command has ended: begin anew',
    application: xml('session-expired', { xmlns: NS.commands }),
  })
}

/** Who asks may not run the command. Its type is not the one that RFC 6120 recommends. */
export function forbidden(): StanzaError {
  return new StanzaError('forbidden', { type: 'cancel' })
}
