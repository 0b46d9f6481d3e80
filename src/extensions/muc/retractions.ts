/** XEP-0424, XEP-0425: messages of a room that are taken back, by whom they are from or by a moderator. */
import { randomUUID } from 'node:crypto'
import { StanzaError } from '../../core/errors.ts'
import { type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { archivedStanza, archivePages } from '../../core/pages.ts'
import type { ArchiveEntry, Write } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { inRoom } from './in-room.ts'
import { occupantId } from './occupant-ids.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Room } from './room.ts'
import { say } from './say.ts'

/** Corrections of one message that are taken back with it. */
const CORRECTIONS = 200

/** What is claimed of requests to a room. */
export function moderationClaims(parts: MucParts): IqRegistration[] {
  return [set(NS.moderation, 'moderate', 'room', iq => moderate(parts, iq))]
}

/**
 * XEP-0424 §4: what is stored along with a message that takes back another one: tombstones. Rejects with the StanzaError `forbidden` where
 * that is somebody else's. `message` is the retraction as all get it, `sender` the real address of whom it is from.
 */
async function retractedBy(
  parts: MucParts,
  room: Room,
  message: Stanza,
  sender: JID,
): Promise<readonly Write[]> {
  const entry = await entryOf(parts, room, message.child('retract', NS.retraction)?.attrs.id)
  if (entry === undefined) return []
  // XEP-0424 §5: "MUST only be processed when both the original message and the retraction request are received from the same"; a nick may be another's now.
  if (!entry.peer.bare.equals(sender.bare))
    throw new StanzaError('forbidden', { text: 'the message of somebody else' })
  return tombstones(parts, room, entry, message.id ?? '', [])
}

/** XEP-0425 §3: a moderator takes back what somebody has said. */
async function moderate(
  parts: MucParts,
  { owner, payload, stanza: { from } }: IqContext,
): Promise<undefined> {
  // What tells it is waited for outside of the lane; a commit that fails is the answer.
  const settle = await inRoom(parts, owner, async room => {
    requireModerator(room, from)
    const { id } = payload.attrs as Record<string, string | undefined>
    if (id === undefined || payload.getChild('retract', NS.retraction) === undefined)
      throw new StanzaError('bad-request', { text: 'it is not said what is to be retracted' })
    const entry = await entryOf(parts, room, id)
    if (entry === undefined) throw new StanzaError('item-not-found')
    // What the room has said is no message of a participant.
    if (entry.peer.equals(room.jid)) throw new StanzaError('not-allowed')
    const told = announce(parts, room, entry, { id, from, reason: reasonIn(payload) })
    return () => told
  })
  await settle()
  return undefined
}

/** XEP-0425 §3.2: "Only moderators are allowed to moderate other participants' messages". */
function requireModerator(room: Room, from: JID): void {
  if (isAtLeast(room.affiliation(from), 'admin')) return
  if (!room.occupantsOf(from).some(({ role }) => role === 'moderator')) throw new StanzaError('forbidden')
}

function reasonIn(payload: Element): string | undefined {
  const reason = payload.getChildText('reason', NS.moderation)
  return reason === null || reason === '' ? undefined : reason
}

interface Moderation {
  readonly id: string
  readonly from: JID
  readonly reason: string | undefined
}

/** Replaces the message and tells all occupants; in the archive, too, so that those who were away learn of it. */
async function announce(
  parts: MucParts,
  room: Room,
  entry: ArchiveEntry,
  { id, from, reason }: Moderation,
): Promise<void> {
  const occupant = room.actor(from)
  // XEP-0425 §3.1: "by whom": by the address in the room; who is not there is known by his occupant id.
  const by = occupant === undefined ? {} : { by: room.addressOf(occupant).toString() }
  const how = (): Element[] => [
    xml('moderated', { xmlns: NS.moderation, ...by }, occupantId(parts.ids.of(room.jid, from))),
    ...(reason === undefined ? [] : [xml('reason', {}, reason)]),
  ]
  const attributes = { from: room.jid, type: 'groupchat', id: randomUUID() }
  const message = Stanza.build('message', attributes, xml('retract', { xmlns: NS.retraction, id }, how()))
  const writes = await tombstones(parts, room, entry, attributes.id, how())
  await say(parts, room, { message, by: room.jid, kept: message, writes })
}

/** What the archive holds under an id; undefined where that is nothing, or no id of this room. */
async function entryOf(
  { host, archive }: MucParts,
  { jid }: Room,
  id: unknown,
): Promise<ArchiveEntry | undefined> {
  const number = typeof id === 'string' ? host.ids.parse(jid, id) : undefined
  if (number === undefined) return undefined
  const { items } = await archive.archive.page(jid, { ids: [number] })
  return items[0]
}

/** XEP-0424 §4, XEP-0425 §4: "replaces the message contents"; of its corrections (XEP-0308), too, which say what it said. */
async function tombstones(
  { host, archive: { archive } }: MucParts,
  { jid }: Room,
  entry: ArchiveEntry,
  by: string,
  how: readonly Element[],
): Promise<readonly Write[]> {
  const { id, peer } = entry
  const original = archivedStanza(entry)
  const retracted = (): Element =>
    xml('retracted', { xmlns: NS.retraction, id: by, stamp: dateTime(host.clock.now()) }, [...how])
  const query = { peer: peer.bare, after: id, containing: [Buffer.from(NS.correction)], limit: CORRECTIONS }
  const found = [entry]
  if (original.id !== undefined)
    for await (const items of archivePages(archive, jid, query)) {
      found.push(...items.filter(item => corrects(item, original.id)))
      if (found.length > CORRECTIONS) break
    }
  return found.flatMap(one => {
    const message = archivedStanza(one)
    // It was retracted before.
    if (message.has('retracted', NS.retraction)) return []
    return [archive.replace(jid, one.id, tombstone(message, retracted()).pack())]
  })
}

function corrects(entry: ArchiveEntry, id: string | undefined): boolean {
  return archivedStanza(entry).child('replace', NS.correction)?.attrs.id === id
}

/** XEP-0425 §4: "the occupant id from XEP-0421 SHOULD be included [...] for the original (retracted) message author". */
function tombstone(message: Stanza, retracted: Element): Stanza {
  const { from, type, id } = message
  const whose = [message.child('occupant-id', NS.occupantId), message.child('x', NS.roomUser)]
  return Stanza.build('message', { from, type, id }, ...whose.filter(child => child !== undefined), retracted)
}

/** Whether a message takes another one back. */
export function isRetraction(message: Stanza): boolean {
  return message.has('retract', NS.retraction)
}

/** XEP-0424: reflects such a message when it is known what it replaces. */
export async function retract(
  parts: MucParts,
  room: Room,
  message: Stanza,
  sender: JID,
  reflect: (writes: readonly Write[]) => Maybe<void>,
): Promise<() => Maybe<void>> {
  const writes = room.config.archived ? await retractedBy(parts, room, message, sender) : []
  const told = reflect(writes)
  return () => told
}
