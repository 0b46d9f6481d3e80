import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { DEFAULT_CONFIG, type RoomConfig } from './config.ts'
import { type Affiliate, Room, type Subject } from './room.ts'

/** What a room is, besides its affiliates and its archive. */
interface Stored {
  readonly config: RoomConfig
  readonly locked: boolean
  readonly created: number
}

const ROOM = 'room'
const SUBJECT = 'subject'

/** Somebody who was a member of a group. Stored as JSON; both in ms since 1970. */
export interface Former {
  /** Since when he was one. */
  readonly from: number
  /** Until when. */
  readonly until: number
}

/** The rows of rooms. The owner, in the sense of the storage, is the room. */
export class RoomStore {
  /** Keys: `room`, `subject`. */
  readonly #rooms: Table<Stored | Subject>
  /** By bare JID. */
  readonly #affiliates: Table<Affiliate>

  /** By bare JID: those who were members of groups and may read what was said until then. */
  readonly #former: Table<Former>

  constructor(host: Host) {
    this.#rooms = host.storage.table<Stored | Subject>('rooms', 'lww')
    this.#affiliates = host.storage.table<Affiliate>('room-affiliates', 'lww')
    this.#former = host.storage.table<Former>('room-former', 'lww')
  }

  /** Reads a room; undefined if there is none. */
  async read(jid: JID): Promise<Room | undefined> {
    const [rows, affiliates] = await Promise.all([rowsOf(this.#rooms, jid), rowsOf(this.#affiliates, jid)])
    const stored = rows.find(({ key }) => key === ROOM)?.item as Stored | undefined
    if (stored === undefined) return undefined
    return new Room(jid, {
      // What came to be an option later has its default.
      config: { ...DEFAULT_CONFIG, ...stored.config },
      locked: stored.locked,
      created: stored.created,
      subject: rows.find(({ key }) => key === SUBJECT)?.item as Subject | undefined,
      affiliates: new Map(affiliates.map(({ key, item }) => [key, item])),
    })
  }

  /** Stores how a room is. */
  room({ jid, created }: Pick<Room, 'jid' | 'created'>, config: RoomConfig, locked: boolean): Write {
    return this.#rooms.put(jid, ROOM, { config, locked, created })
  }

  subject(jid: JID, subject: Subject): Write {
    return this.#rooms.put(jid, SUBJECT, subject)
  }

  /** Stores, or removes, an affiliate. */
  affiliate(jid: JID, user: string, affiliate: Affiliate | undefined): Write {
    return affiliate === undefined
      ? this.#affiliates.delete(jid, user)
      : this.#affiliates.put(jid, user, affiliate)
  }

  /** Stores that somebody was a member, or, with nothing, that he is to read no more than others. */
  former(jid: JID, user: string, former: Former | undefined): Write {
    return former === undefined ? this.#former.delete(jid, user) : this.#former.put(jid, user, former)
  }

  /** When somebody was a member who is one no more. */
  formerOf(jid: JID, user: JID): Promise<Former | undefined> {
    return this.#former.get(jid, user.bare.toString())
  }

  /** Rooms of a domain after one of them, some at a time. */
  async list(after: JID, limit: number): Promise<readonly JID[]> {
    const owners = await this.#rooms.owners(after, limit)
    return owners.filter(({ domain }) => domain === after.domain)
  }
}
