import { NS } from './ns.ts'

/** Words that most stanzas hold, besides the namespaces of `NS`: names of elements and attributes, values of `type`. */
const COMMON = [
  'message presence iq body thread subject show status priority query error item x c r a enable resume auth response active',
  'composing paused gone inactive request received displayed markable markers origin-id stanza-id store no-store no-copy encrypted',
  'encryption encoding html data photo nick delay replace reply fallback reaction reactions file url desc idle ping bind resource',
  'to from id type xml:lang chat groupchat normal headline get set result unavailable subscribe subscribed unsubscribe unsubscribed',
  'probe urn:xmpp:chat-markers:0 urn:xmpp:idle:1 vcard-temp:x:update http://jabber.org/protocol/muc eu.siacs.conversations.axolotl',
  'http://jabber.org/protocol/muc#user urn:xmpp:eme:0 jabber:x:oob urn:xmpp:message-correct:0 urn:xmpp:reactions:0 urn:xmpp:reply:0',
  'http://jabber.org/protocol/nick http://jabber.org/protocol/pubsub urn:xmpp:fallback:0 urn:xmpp:omemo:2 vcard-temp',
]

/** The words by their length. */
const WORDS: readonly (readonly string[])[] = byLength([...COMMON.join(' ').split(' '), ...Object.values(NS)])

/** The text of ASCII bytes. */
export function word(b: Buffer, at: number, end: number): string {
  return knownWord(b, at, end) ?? b.latin1Slice(at, end)
}

/** A common word, always as the same string, which is cheaper to find than to make and to compare. */
export function knownWord(b: Buffer, at: number, end: number): string | undefined {
  const candidates = WORDS[end - at]
  if (candidates !== undefined) {
    const last = b[end - 1]
    for (let k = 0; k < candidates.length; k++) {
      const candidate = candidates[k]!
      if (candidate.charCodeAt(end - at - 1) === last && spells(b, at, candidate)) return candidate
    }
  }
  return undefined
}

function spells(b: Buffer, at: number, candidate: string): boolean {
  for (let k = candidate.length - 2; k >= 0; k--) if (b[at + k] !== candidate.charCodeAt(k)) return false
  return true
}

function byLength(words: string[]): string[][] {
  const lists: string[][] = []
  for (const text of new Set(words)) {
    while (lists.length <= text.length) lists.push([])
    lists[text.length]!.push(text)
  }
  return lists
}
