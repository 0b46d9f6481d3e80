/** XEP-0377 §3: what a user says of somebody whom he blocks. */
import { StanzaError } from '../../core/errors.ts'
import type { Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'

/** Why somebody is reported: XEP-0377 §3. */
export type Reason = 'spam' | 'abuse'

/** A message that is reported: the archive that has it, and its id there. */
export interface ReportedMessage {
  readonly by: string
  readonly id: string
}

/** A report, as a row of whoever has made it. */
export interface Report {
  /** The address that was blocked. */
  readonly jid: string
  readonly reason: Reason
  readonly texts: readonly string[]
  readonly messages: readonly ReportedMessage[]
  /** What he allows to be done with it beside: XEP-0377 §3.1. */
  readonly allows: readonly string[]
  /** ms since 1970 */
  readonly at: number
}

const PREFIX = 'urn:xmpp:reporting:'
const REASONS: readonly string[] = ['spam', 'abuse'] satisfies Reason[]
const ALLOWED: readonly string[] = ['report-origin', 'third-party']
/** Characters of all texts of a report, and messages of one. */
const MOST_TEXT = 4_000
const MOST_MESSAGES = 100

/** Reads a report. Throws a StanzaError for one that is none. */
export function readReport(jid: string, report: Element, at: number): Report {
  const { reason = '' } = report.attrs
  const name = reason.startsWith(PREFIX) ? reason.slice(PREFIX.length) : ''
  // XEP-0377 §3: "Abuse reports MUST include a reason".
  if (!REASONS.includes(name))
    throw new StanzaError('bad-request', { text: 'a report has a reason: spam or abuse' })
  const texts = report.getChildren('text', NS.reporting).map(text => text.getText().trim())
  const messages = report
    .getChildren('stanza-id', NS.stanzaIds)
    .map(({ attrs: { by = '', id = '' } }) => ({ by, id }))
  if (texts.join('').length > MOST_TEXT || messages.length > MOST_MESSAGES)
    throw new StanzaError('not-acceptable', {
      text: `a report has at most ${MOST_TEXT} characters and ${MOST_MESSAGES} messages`,
    })
  if (messages.some(({ by, id }) => by === '' || id === '' || by.length + id.length > MOST_TEXT))
    throw new StanzaError('bad-request', { text: 'a <stanza-id/> has by and id' })
  const allows = ALLOWED.filter(name => report.getChild(name, NS.reporting) !== undefined)
  return { jid, reason: name as Reason, texts: texts.filter(text => text !== ''), messages, allows, at }
}
