import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Hints } from '../hints.ts'

/** What only some message types hold that belong to a conversation though they have no body: XEP-0184, 0308, 0333, 0353, 0424, 0444, 0482. */
const NAMESPACES = [
  NS.receipts,
  NS.chatMarkers,
  NS.correction,
  NS.reactions,
  NS.retraction,
  NS.callMessages,
  NS.callInvites,
] as const

/**
 * Whether a message is one that an archive is to hold: XEP-0313 §5.1.1. Bodies, what is encrypted, and what changes or answers such;
 * no mere changes of state, such as that somebody types. The sender's wishes come first: XEP-0334.
 */
export function isWorthArchiving(message: Stanza, hints: Hints): boolean {
  switch (message.type) {
    // Rooms have archives of their own. Errors and headlines are no part of a conversation.
    case 'groupchat':
    case 'headline':
    case 'error':
      return false
  }
  const hint = hints.storing(message)
  // XEP-0334 §4.1, §4.2: an archive is permanent.
  if (hint === 'no-store' || hint === 'no-permanent-store') return false
  return isReadable(message) || hint === 'store' || NAMESPACES.some(namespace => message.hasIn(namespace))
}

/** What changes a message that came before: XEP-0308, 0424, 0444. */
const CHANGES = [NS.correction, NS.retraction, NS.reactions] as const

/**
 * Whether there is something new to read in a message, as far as the server can tell. A change of an earlier message is nothing new, whatever
 * text it bears for clients that do not know such (XEP-0428).
 */
export function isNew(message: Stanza): boolean {
  return isReadable(message) && !CHANGES.some(namespace => message.hasIn(namespace))
}

/** Whether a message has something to read, be it encrypted. */
export function isReadable(message: Stanza): boolean {
  return message.has('body', NS.client) || isEncrypted(message)
}

/** XEP-0027, 0373, 0380, 0384 */
function isEncrypted(message: Stanza): boolean {
  return (
    message.has('encrypted', NS.omemoLegacy) ||
    message.has('encrypted', NS.omemo) ||
    message.has('encryption', NS.explicitEncryption) ||
    message.has('openpgp', NS.openpgp) ||
    message.has('x', NS.pgp)
  )
}
