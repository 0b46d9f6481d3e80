import { escapeValue } from './escape.ts'
import { NS } from './ns.ts'

/** Which of the messages of a conversation one is: docs/protocol/sequence.md. */
export interface Numbers {
  /** 1, 2, 3 ... over all archived messages of the conversation. */
  readonly sequence: number
  /** How many of these, up to and including this one, count as unread. */
  readonly unread: number
}

/** The element that tells them, given by the archive of `by` (a bare JID). */
export function printSequence(by: string, { sequence, unread }: Numbers): string {
  return `<sequence xmlns="${NS.sequence}" by="${escapeValue(by)}" number="${sequence}" unread="${unread}"/>`
}
