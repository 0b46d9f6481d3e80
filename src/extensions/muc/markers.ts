/** XEP-0333 §4.3, XEP-0490: what says that somebody has read something in a room. */
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { parseElement } from '../../xml/stored.ts'
import pubsub from '../pubsub/index.ts'
import { memberIn } from './marks.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** What a user has seen in a room. As JSON. */
interface Seen {
  /** Bare JID. */
  readonly user: string
  /** The id that the archive of the room gave. */
  readonly id: string
}

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** A user has told his account what he has read in this room. */
    'muc:seen'(room: JID, seen: Seen): Promise<void>
  }
}

/** What a message to a room moves for the member whom it is from. */
export function markedBy({ host, marks }: MucParts, room: Room, message: Stanza): readonly Write[] {
  const id: unknown = message.child('displayed', NS.chatMarkers)?.attrs.id
  if (typeof id !== 'string' || memberIn(room, message.from) === undefined) return []
  // XEP-0333 §4.3: "clients MUST always use the MUC-assigned id".
  const number = host.ids.parse(room.jid, id)
  return number === undefined ? [] : [marks.raise(room.jid, message.from, 'read', number)]
}

/** Hears of what users tell their own accounts, which is nothing for others. */
export function followDisplayed({ host, service }: MucParts): void {
  host.find(pubsub)?.listen(NS.displayedSync, {
    published(owner, { id, payload }) {
      const room = JID.tryParse(id)
      if (room === undefined || room.domain !== service.domain || room.local === '' || room.resource !== '')
        return
      const shown = payload === undefined ? undefined : parseElement(payload)
      const seen: unknown = shown?.getChild('stanza-id', NS.stanzaIds)?.attrs.id
      if (typeof seen !== 'string') return
      // Not in this lane: the room has one of its own.
      host.background.run('muc', tell(host, room, { user: owner.bare.toString(), id: seen }))
    },
    removed: () => undefined,
  })
}

async function tell({ router }: Host, room: JID, seen: Seen): Promise<void> {
  try {
    await router.atHome.run('muc:seen', room, seen)
  } catch (error) {
    // There is no such room, say: whoever publishes need not know.
    if (!(error instanceof StanzaError)) throw error
  }
}

/** The same at the home of the room, in its lane. */
export async function takeSeen(parts: MucParts, owner: JID, { user, id }: Seen): Promise<void> {
  const { host, rooms, marks } = parts
  await host.ids.ready()
  const room = await rooms.find(owner)
  const member = JID.parse(user)
  const number = host.ids.parse(owner, id)
  if (room === undefined || number === undefined || memberIn(room, member) === undefined) return
  await commit(host.storage, [marks.raise(owner, member, 'seen', number)], host.log)
}
