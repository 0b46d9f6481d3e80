/** XEP-0045 §7.4: messages to all occupants. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { isPromise, type Maybe, then } from '../../core/maybe.ts'
import type { Append } from '../../storage/types.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { isSomethingNew, isWorthKeeping } from './history.ts'
import { takeInvitations } from './invitations.ts'
import { item, roomUser } from './items.ts'
import { bounced } from './leave.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import { passPrivately } from './private-messages.ts'
import type { Room } from './room.ts'
import { shown } from './shown.ts'
import { changeSubject, isSubject } from './subject.ts'
import { takeVoiceRequest } from './voice.ts'

/** A message for a room or an occupant, in the lane of the room. Gives what settles when it is handled. */
export function takeMessage(parts: MucParts, stanza: Stanza): Maybe<() => Maybe<void>> {
  const room = parts.rooms.loaded(stanza.to!)
  return room === undefined
    ? then(parts.rooms.find(stanza.to!), found => takeIn(parts, found, stanza))
    : takeIn(parts, room, stanza)
}

function takeIn(parts: MucParts, room: Room | undefined, stanza: Stanza): Maybe<() => Maybe<void>> {
  if (stanza.type === 'error') return bounced(parts, room, stanza)
  // XEP-0045 §7.4: "If the sender is not an occupant of the room, the service MUST return a <not-acceptable/> error".
  const occupant = room?.occupant(stanza.from)
  if (stanza.to!.resource !== '') {
    if (room === undefined || occupant === undefined)
      throw new StanzaError('not-acceptable', { type: 'cancel' })
    return passPrivately(parts, room, occupant, stanza)
  }
  if (room === undefined) throw new StanzaError('item-not-found')
  if (stanza.type !== 'groupchat')
    return takeInvitations(parts, room, stanza) ?? takeVoiceRequest(parts, room, stanza) ?? notForRooms()
  if (occupant === undefined) throw new StanzaError('not-acceptable', { type: 'cancel' })
  if (isSubject(stanza)) return changeSubject(parts, room, occupant, stanza)
  // XEP-0045 §7.5: "If the sender is a visitor [in a moderated room], the service MUST return a <forbidden/> error".
  if (occupant.role === 'visitor') throw new StanzaError('forbidden')
  return reflect(parts, room, occupant, stanza)
}

function notForRooms(): never {
  // XEP-0045 §7.4: other messages to the bare address of a room than those it asks for.
  throw new StanzaError('bad-request', { text: 'a message to a room has the type groupchat' })
}

/**
 * Stores a message, if it is to be kept, and sends it to all who are there now, in the order of the archive. The lane of the room does not wait
 * for the storage: many messages are one commit.
 */
function reflect(parts: MucParts, room: Room, occupant: Occupant, stanza: Stanza): () => Maybe<void> {
  const message = shown(room, occupant, stanza)
  const { audience, jid, config } = room
  const { host, archive } = parts
  let append: Append | undefined
  if (config.archived && isWorthKeeping(message)) {
    // XEP-0313 §5.1.2: in non-anonymous rooms the real address is kept with it.
    const kept =
      config.whois === 'anyone'
        ? message.plus(
            roomUser([
              item({ affiliation: room.affiliation(occupant.user), role: occupant.role, jid: stanza.from }),
            ]),
          )
        : message
    append = archive.append(jid, kept, stanza.from, isSomethingNew(message), keyOf(stanza))
  }
  const committed = append === undefined ? undefined : commit(host.storage, [append], host.log)
  // Looked at when its turn comes: it is no unhandled rejection until then.
  if (isPromise(committed)) committed.catch(() => undefined)
  const told = room.tell(() =>
    then(committed, () => {
      // XEP-0359, ARCHITECTURE §7: what is there already is for whoever sends it again, and for nobody else.
      const to = append?.repeated ? [stanza.from] : audience
      const ids = append === undefined ? undefined : [host.ids.idOf(jid, append)]
      host.router.tellMany(message.with({ ids }), to, stanza.from)
    }),
  )
  return () => told
}

/** Known again within a day: the same user, `to`, and origin-id. */
function keyOf(stanza: Stanza): string | undefined {
  const id: unknown = stanza.child('origin-id', NS.stanzaIds)?.attrs.id
  return typeof id === 'string' && id !== '' ? `${stanza.from.bare} ${id}`.slice(0, 512) : undefined
}
