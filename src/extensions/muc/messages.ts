/** XEP-0045 §7.4: messages to all occupants. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Write } from '../../storage/types.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { isNew } from '../archive/index.ts'
import { keptForm } from './archive.ts'
import { isMarker, isWorthKeeping } from './history.ts'
import { takeInvitations } from './invitations.ts'
import { takeApproval } from './join-requests.ts'
import { bounced } from './leave.ts'
import { markedBy } from './markers.ts'
import { isLarge } from './marks.ts'
import { tellMissed } from './missed.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import { passPrivately } from './private-messages.ts'
import { isRetraction, retract } from './retractions.ts'
import type { Room } from './room.ts'
import { say } from './say.ts'
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
  // XEP-0045 §17.2: "a room that does not exist or is not yet unlocked".
  if (room === undefined || (room.locked && occupant === undefined)) throw new StanzaError('item-not-found')
  if (stanza.type !== 'groupchat')
    return (
      takeInvitations(parts, room, stanza) ??
      takeVoiceRequest(parts, room, stanza) ??
      takeApproval(parts, room, stanza) ??
      notForRooms()
    )
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

/** Reflects a message to all occupants. */
function reflect(parts: MucParts, room: Room, occupant: Occupant, stanza: Stanza): Maybe<() => Maybe<void>> {
  const message = shown(room, occupant, stanza)
  const writes = markedBy(parts, room, stanza)
  // docs/protocol/groups.md: where many would tell many, what somebody has read is kept and not told.
  if (isMarker(stanza) && isLarge(room)) {
    const committed = commit(parts.host.storage, writes, parts.host.log)
    return () => committed
  }
  const unread = isNew(message)
  const tell = (also: readonly Write[]): Maybe<void> =>
    say(parts, room, {
      message,
      by: stanza.from,
      kept: isWorthKeeping(message) ? keptForm(room, occupant, message, stanza.from) : undefined,
      unread,
      key: keyOf(stanza),
      writes: also,
      after: (whole, number) => {
        if (unread) tellMissed(parts, room, whole, stanza.from, number)
      },
    })
  if (isRetraction(message)) return retract(parts, room, message, stanza.from, tell)
  const told = tell(writes)
  return () => told
}

/** Known again within a day: the same user, `to`, and origin-id. */
function keyOf(stanza: Stanza): string | undefined {
  const id: unknown = stanza.child('origin-id', NS.stanzaIds)?.attrs.id
  return typeof id === 'string' && id !== '' ? `${stanza.from.bare} ${id}`.slice(0, 512) : undefined
}
