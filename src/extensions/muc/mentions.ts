/** XEP-0372 §3, XEP-0452: whom a message of a room mentions. */
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { Affiliate, Room } from './room.ts'

/** Of a body, so much is looked through for names. */
const LOOKED_THROUGH = 8_192

/** Those that references point at, by their real address or that in the room. */
export function referredTo(room: Room, message: Stanza): ReadonlySet<string> {
  const found = new Set<string>()
  for (const child of message.children()) {
    const { type, uri = '' } = child.attrs as Record<string, string | undefined>
    // XEP-0372 §3.2: `type='mention'`, and an address as RFC 5122 writes it.
    if (!child.is('reference', NS.references) || type !== 'mention') continue
    const jid = addressIn(uri)
    if (jid === undefined) continue
    if (!jid.bare.equals(room.jid)) found.add(jid.bare.toString())
    else for (const [user, { nick }] of room.affiliates) if (nick === jid.resource) found.add(user)
  }
  return found
}

function addressIn(uri: string): JID | undefined {
  const [, address] = /^xmpp:([^?#]+)/.exec(uri) ?? []
  if (address === undefined) return undefined
  try {
    return JID.tryParse(decodeURIComponent(address))
  } catch {
    // `%` without two digits.
    return undefined
  }
}

/** Whether a message calls a member by the nick that is reserved for him, or refers to him. */
export function mentions(room: Room, message: Stanza): (user: string, member: Affiliate) => boolean {
  const referred = referredTo(room, message)
  const body = (message.child('body', NS.client)?.getText() ?? '').slice(0, LOOKED_THROUGH).toLowerCase()
  return (user, { nick }) => referred.has(user) || (nick !== undefined && isNamed(body, nick.toLowerCase()))
}

/** As a word of its own. */
function isNamed(body: string, nick: string): boolean {
  for (let at = body.indexOf(nick); at >= 0 && nick !== ''; at = body.indexOf(nick, at + 1))
    if (!isLetter(body.slice(0, at).at(-1)) && !isLetter(body.at(at + nick.length))) return true
  return false
}

function isLetter(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}_]/u.test(char)
}
