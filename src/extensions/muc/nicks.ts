/** XEP-0045 §7.6, XEP-0045 §7.10: nicks. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { withoutOurs } from './items.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { tellPresence, tellRenamed } from './telling.ts'

/** XEP-0045 §7.2.1, XEP-0045 §17.1: there has to be a nick, and "a MUC service MUST NOT allow empty or invisible Room Nicknames". */
export function requireVisible(nick: string): void {
  if (/^[\s\p{Cf}\p{Zs}]*$/u.test(nick)) throw new StanzaError('jid-malformed')
}

/** XEP-0045 §17.1: a nick as resources are prepared. Throws the StanzaError `jid-malformed`. */
export function preparedNick(room: Room, text: string): string {
  const nick = JID.tryParse(`${room.jid}/${text}`)?.resource ?? ''
  requireVisible(nick)
  return nick
}

/** XEP-0045 §7.2.8: a nick belongs to the user who has it, or has reserved it. Throws the StanzaError `conflict`. */
export function requireFree(room: Room, nick: string, user: JID): void {
  const there = room.withNick(nick)
  if (there !== undefined && !there.user.equals(user.bare)) throw new StanzaError('conflict')
  for (const [owner, { nick: reserved }] of room.affiliates)
    if (reserved === nick && owner !== user.bare.toString()) throw new StanzaError('conflict')
}

/** XEP-0045 §7.6: gives an occupant another nick. */
export function rename(parts: MucParts, room: Room, occupant: Occupant, stanza: Stanza): () => Maybe<void> {
  const nick = stanza.to!.resource
  requireFree(room, nick, stanza.from)
  // A nick that another session of the same user has is joined, not taken.
  if (room.withNick(nick) !== undefined) throw new StanzaError('conflict')
  const session = occupant.sessions.get(stanza.from.toString())!
  const before = room.addressOf(occupant)
  room.rename(occupant, nick)
  session.presence = withoutOurs(stanza)
  const told = room.tell(() => {
    tellRenamed(parts, room, occupant, before, stanza.from)
    tellPresence(parts, room, occupant, stanza.from)
  })
  return () => told
}
