import { NS } from './ns.ts'

/** Words that most stanzas hold, besides the namespaces of `NS`: names of elements and attributes, values of `type`. */
const COMMON = [
  'message presence iq body thread subject show status priority query error item x c r a enable resume auth response active',
  'composing paused gone inactive request received displayed markable markers origin-id stanza-id store no-store no-copy encrypted',
  'encryption encoding html data photo nick delay replace reply fallback reaction reactions file url desc idle ping bind resource',
  'to from id type xml:lang chat groupchat normal headline get set result unavailable subscribe subscribed unsubscribe unsubscribed',
  'probe urn:xmpp:chat-markers:0 urn:xmpp:idle:1 vcard-temp:x:update http://jabber.org/protocol/muc eu.siacs.conversations.axolotl',
  'http://jabber.org/protocol/muc#user urn:xmpp:eme:0 jabber:x:oob urn:xmpp:message-correct:0 urn:xmpp:reactions:0 urn:xmpp:reply:0',
  'http://jabber.org/protocol/nick http://jabber.org/protocol/pubsub urn:xmpp:fallback:0 urn:xmpp:omemo:2 vcard-temp stream:stream',
]

/** A word as a string and, for comparing, as bytes. */
interface Word {
  readonly text: string
  readonly bytes: Uint8Array
}

/** Power of two, large enough that most slots hold one word. */
const SLOTS = 1024
/** The words by `slotOf` their length and bytes. */
const WORDS: readonly (readonly Word[])[] = bySlot([...COMMON.join(' ').split(' '), ...Object.values(NS)])

/** The text of ASCII bytes. */
export function word(b: Buffer, at: number, end: number): string {
  return knownWord(b, at, end) ?? b.latin1Slice(at, end)
}

/** A common word, always as the same string, which is cheaper to find than to make and to compare. */
export function knownWord(b: Buffer, at: number, end: number): string | undefined {
  if (at === end) return ''
  const candidates = WORDS[slotOf(end - at, b[at]!, b[at + ((end - at) >> 1)]!, b[end - 1]!)]!
  for (let k = 0; k < candidates.length; k++) {
    const candidate = candidates[k]!
    if (candidate.bytes.length === end - at && spells(b, at, candidate.bytes)) return candidate.text
  }
  return undefined
}

function spells(b: Buffer, at: number, bytes: Uint8Array): boolean {
  for (let k = 0; k < bytes.length; k++) if (b[at + k] !== bytes[k]) return false
  return true
}

function slotOf(length: number, first: number, middle: number, last: number): number {
  return (length ^ (first << 2) ^ (middle << 4) ^ (last << 5)) & (SLOTS - 1)
}

function bySlot(words: string[]): Word[][] {
  const slots: Word[][] = Array.from({ length: SLOTS }, () => [])
  for (const text of new Set(words)) {
    const bytes = new Uint8Array(Buffer.from(text, 'latin1'))
    const { length } = bytes
    slots[slotOf(length, bytes[0]!, bytes[length >> 1]!, bytes[length - 1]!)]!.push({ text, bytes })
  }
  return slots
}
