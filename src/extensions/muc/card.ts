/** XEP-0486: the card of a room (XEP-0054), with its picture. */
import { createHash, randomUUID } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import { get, type IqAnswer, type IqContext, type IqRegistration, set } from '../../core/extension.ts'
import type { Maybe } from '../../core/maybe.ts'
import { copyOf, type Element } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import { answering, tellLater } from './answering.ts'
import { inRoom, requireUnlocked } from './in-room.ts'
import { roomUser } from './items.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** Largest card, picture included. */
const MAX_BYTES = 128 * 1024

/** What is claimed of requests to a room. */
export function cardClaims(parts: MucParts): IqRegistration[] {
  return [
    get(NS.vcard, 'vCard', 'room', iq => read(parts, iq)),
    set(NS.vcard, 'vCard', 'room', iq => write(parts, iq)),
  ]
}

/** XEP-0486 §3.4: for whoever thinks of entering, too. */
async function read(parts: MucParts, { owner, stanza: { from } }: IqContext): Promise<Element> {
  await inRoom(parts, owner, room => {
    requireUnlocked(room, from)
    if (room.affiliation(from) === 'outcast') throw new StanzaError('forbidden')
  })
  const card = await parts.store.card(owner)
  // XEP-0054 §3.1: no card has been set.
  if (card === undefined) throw new StanzaError('item-not-found')
  return parseElement(card)
}

async function write(parts: MucParts, { owner, stanza: { from }, payload }: IqContext): Promise<IqAnswer> {
  const { host, store } = parts
  const card = printAlone(copyOf(payload))
  if (Buffer.byteLength(card) > MAX_BYTES)
    throw new StanzaError('policy-violation', { text: `a card has at most ${MAX_BYTES} bytes` })
  const avatar = payload.getChildren('PHOTO', NS.vcard).map(hashOf)
  return answering(answered =>
    inRoom(parts, owner, async room => {
      // XEP-0486 §3.2: "If the user trying to publish an avatar isn't allowed to do so, the room must return a forbidden error".
      if (room.affiliation(from) !== 'owner') throw new StanzaError('forbidden')
      // XEP-0486 §3.2: "Setting an empty vCard unpublishes the avatar."
      const isEmpty = payload.getChildElements().length === 0
      await commit(host.storage, store.putCard(owner, isEmpty ? undefined : card, avatar), host.log)
      const before = room.avatar
      room.avatar = avatar
      const told = tellChange(parts, room, answered)
      if (avatar.join() !== before.join()) for (const { pictured } of parts.listeners) pictured?.(room, from)
      return told
    }),
  )
}

/** XEP-0153 §3.1: SHA-1 of the bytes of a picture; XEP-0486 §5.1: of each of them, where there are several. */
function hashOf(photo: Element): string {
  const text = photo.getChildText('BINVAL', NS.vcard)?.replaceAll(/\s/g, '') ?? ''
  if (text === '' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new StanzaError('bad-request', { text: 'a photo has its bytes in BINVAL, as base64' })
  return createHash('sha1').update(Buffer.from(text, 'base64')).digest('hex')
}

/** XEP-0486 §3.2: "The room should then broadcast a notification that the configuration changed to all users present." */
function tellChange({ host }: MucParts, room: Room, answered: Promise<void>): () => Maybe<void> {
  const { audience, jid } = room
  const message = Stanza.build(
    'message',
    { from: jid, id: randomUUID(), type: 'groupchat' },
    roomUser([], [104]),
  )
  return tellLater(room, answered, [() => host.router.tellMany(message, audience, jid)])
}
