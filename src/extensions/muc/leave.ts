/** XEP-0045 §7.14: leaving a room; XEP-0045 §9.1 and XEP-0045 §9.4: being made to. */
import { StanzaError } from '../../core/errors.ts'
import type { Maybe } from '../../core/maybe.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { withoutOurs } from './items.ts'
import type { Occupant } from './occupant.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'
import { face, type News, tellGone, tellPresence, tellSelfGone } from './telling.ts'
import { settleAll } from './visibility.ts'

/** A session has gone: by its own will, or since its stream has ended. */
export async function leave(
  parts: MucParts,
  room: Room,
  occupant: Occupant,
  stanza: Stanza,
  news: News = {},
): Promise<() => Maybe<void>> {
  const own = occupant.sessions.get(stanza.from.toString())
  const before = occupant.sessions.size === 1 ? '' : face(occupant)
  room.leave(occupant, stanza.from)
  const presence = withoutOurs(stanza)
  const isLast = occupant.sessions.size === 0
  // Its other sessions stay: the others only hear how it is now, if it is another way.
  const isChanged = !isLast && face(occupant) !== before
  const told = room.tell(() => {
    if (isChanged) tellPresence(parts, room, occupant, stanza.from)
    // The session is told of itself: XEP-0045 §7.14 "the service MUST then send a <presence/> of type "unavailable" to the departing occupant", 110.
    const gone = { ...occupant, sessions: new Map(own === undefined ? [] : [[own.jid.toString(), own]]) }
    if (isLast) tellGone(parts, room, gone, presence, news)
    else tellSelfGone(parts, room, gone, presence)
  })
  await removeEmpty(parts, room)
  return () => told
}

/**
 * Makes an occupant leave, with all sessions, for reasons that the news tell: kicked (307), banned (301), no member (321, 322), shut down
 * (332). Gives what tells all, itself too (110); for `room.tell`.
 */
export function expel(parts: MucParts, room: Room, occupant: Occupant, news: News): () => void {
  const gone = takeOut(room, occupant)
  const [first] = gone.sessions.values()
  const from = first?.jid ?? room.jid
  return () => tellGone(parts, room, gone, Stanza.build('presence', { from, type: 'unavailable' }), news)
}

/** Takes an occupant out of a room, with all sessions; gives what he was. */
export function takeOut(room: Room, occupant: Occupant): Occupant {
  const gone = { ...occupant, sessions: new Map(occupant.sessions) }
  for (const { jid } of gone.sessions.values()) room.leave(occupant, jid)
  return gone
}

/** XEP-0045 §10.1: a room that is not persistent ends with its last occupant. */
export async function removeEmpty(parts: MucParts, room: Room): Promise<void> {
  settleAll(parts, room)
  if (room.size > 0 || (room.config.persistent && !room.locked)) return
  try {
    await remove(parts, room)
  } catch (error) {
    // It stays, empty, until somebody has entered and left it again: whoever leaves has left.
    if (!(error instanceof StanzaError)) throw error
  }
}

/** Erases a room and all that is stored of it; who is there is told by the caller. */
export async function remove({ host, rooms, listeners }: MucParts, room: Room): Promise<void> {
  try {
    await host.storage.forget(room.jid)
  } catch (err) {
    host.log.error({ code: 'TIDINGS_COMMIT_FAILED', err }, 'a room could not be erased')
    throw new StanzaError('internal-server-error', { type: 'wait', text: 'could not be erased, try again' })
  }
  rooms.delete(room)
  for (const { destroyed } of listeners) destroyed?.(room)
}

/** Conditions of errors that mean that somebody is not there any more: XEP-0045 §18.1.2 and what servers send. */
const GONE = new Set([
  'gone',
  'item-not-found',
  'recipient-unavailable',
  'redirect',
  'remote-server-not-found',
  'remote-server-timeout',
  'service-unavailable',
  'jid-malformed',
])

/** An error has come back for something that was sent to an occupant. */
export function bounced(parts: MucParts, room: Room | undefined, stanza: Stanza): Maybe<() => Maybe<void>> {
  const occupant = room?.occupant(stanza.from)
  const condition = stanza
    .child('error', NS.client)
    ?.getChildElements()
    .find(({ name }) => name !== 'text')?.name
  if (room === undefined || occupant === undefined || condition === undefined || !GONE.has(condition))
    return () => undefined
  const presence = Stanza.build('presence', { from: stanza.from, type: 'unavailable' })
  // XEP-0045 §11.1: "it MUST include the 333 status code".
  return leave(parts, room, occupant, presence, { statuses: [333] })
}
