/** XEP-0313 §5.1.2: the archives of rooms. */
import type { Host } from '../../core/host.ts'
import type { Append, Archive, ArchiveEntry } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { item, roomUser } from './items.ts'
import type { Occupant } from './occupant.ts'
import type { Room } from './room.ts'

/** Messages of rooms, in the order in which occupants get them. */
export class RoomArchive {
  readonly archive: Archive

  constructor(host: Host) {
    this.archive = host.storage.archive('room-messages')
  }

  /** A message that is reflected, without `to`; `sender` is the real full JID. `unread`: whether there is something new to read in it. */
  append(room: JID, message: Stanza, sender: JID, unread: boolean, key: string | undefined): Append {
    return this.archive.append(room, {
      peer: sender,
      payload: message.pack(),
      unread,
      counted: 'owner',
      ...(key !== undefined && { unique: { key } }),
    })
  }

  /** The newest message. */
  async last(room: JID): Promise<ArchiveEntry | undefined> {
    const { items } = await this.archive.page(room, { reverse: true, limit: 1 })
    return items[0]
  }
}

/** XEP-0313 §5.1.2: a message as it is kept: in a non-anonymous room with the real address of whom it comes from. */
export function keptForm(room: Room, { user, role }: Occupant, message: Stanza, sender: JID): Stanza {
  if (room.config.whois !== 'anyone') return message
  return message.plus(roomUser([item({ affiliation: room.affiliation(user), role, jid: sender })]))
}
