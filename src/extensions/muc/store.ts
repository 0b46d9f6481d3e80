import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { DEFAULT_CONFIG, type RoomConfig } from './config.ts'
import type { Role } from './privileges.ts'
import { type Affiliate, type InviteLink, type JoinRequest, Room, type Subject } from './room.ts'

/** What a room is, besides its affiliates and its archive. */
interface Stored {
  readonly config: RoomConfig
  readonly locked: boolean
  readonly created: number
}

const ROOM = 'room'
const SUBJECT = 'subject'
const AVATAR = 'avatar'
const CARD = 'card'
const ROLE = 'role '

/** The role that somebody has when he enters again. */
interface RememberedRole {
  readonly role: Role
}

/** Somebody who was a member of a group. Stored as JSON; both in ms since 1970. */
export interface Former {
  /** Since when he was one. */
  readonly from: number
  /** Until when. */
  readonly until: number
}

/** The rows of rooms. The owner, in the sense of the storage, is the room. */
export class RoomStore {
  /** Keys: `room`, `subject`, `avatar` (hashes: XEP-0486), `role ` and a bare JID. */
  readonly #rooms: Table<Stored | Subject | readonly string[] | RememberedRole>
  /** By bare JID. */
  readonly #affiliates: Table<Affiliate>
  /** Cards as they are printed, which are only read when somebody asks. */
  readonly #cards: Table<string>
  /** By bare JID: those who were members of groups and may read what was said until then. */
  readonly #former: Table<Former>

  /** By bare JID: those who have asked to become members. */
  readonly #requests: Table<JoinRequest>
  /** By id. */
  readonly #links: Table<InviteLink>

  constructor(host: Host) {
    this.#rooms = host.storage.table<Stored | Subject | readonly string[] | RememberedRole>('rooms', 'lww')
    this.#affiliates = host.storage.table<Affiliate>('room-affiliates', 'lww')
    this.#former = host.storage.table<Former>('room-former', 'lww')
    this.#requests = host.storage.table<JoinRequest>('room-join-requests', 'lww')
    this.#links = host.storage.table<InviteLink>('room-links', 'lww')
    this.#cards = host.storage.table<string>('room-cards', 'lww')
  }

  /** Reads a room; undefined if there is none. */
  async read(jid: JID): Promise<Room | undefined> {
    const [rows, affiliates, requests, links] = await Promise.all([
      rowsOf(this.#rooms, jid),
      rowsOf(this.#affiliates, jid),
      rowsOf(this.#requests, jid),
      rowsOf(this.#links, jid),
    ])
    const stored = rows.find(({ key }) => key === ROOM)?.item as Stored | undefined
    if (stored === undefined) return undefined
    return new Room(jid, {
      // What came to be an option later has its default.
      config: { ...DEFAULT_CONFIG, ...stored.config },
      locked: stored.locked,
      created: stored.created,
      subject: rows.find(({ key }) => key === SUBJECT)?.item as Subject | undefined,
      avatar: (rows.find(({ key }) => key === AVATAR)?.item ?? []) as readonly string[],
      affiliates: new Map(affiliates.map(({ key, item }) => [key, item])),
      requests: new Map(requests.map(({ key, item }) => [key, item])),
      links: new Map(links.map(({ key, item }) => [key, item])),
      roles: new Map(
        rows
          .filter(({ key }) => key.startsWith(ROLE))
          .map(({ key, item }) => [key.slice(ROLE.length), (item as RememberedRole).role]),
      ),
    })
  }

  /** Stores how a room is. */
  room({ jid, created }: Pick<Room, 'jid' | 'created'>, config: RoomConfig, locked: boolean): Write {
    return this.#rooms.put(jid, ROOM, { config, locked, created })
  }

  subject(jid: JID, subject: Subject): Write {
    return this.#rooms.put(jid, SUBJECT, subject)
  }

  /** Stores, or removes, the role that somebody (a bare JID's text) has when he enters again. */
  role(jid: JID, user: string, role: Role | undefined): Write {
    const key = ROLE + user
    return role === undefined ? this.#rooms.delete(jid, key) : this.#rooms.put(jid, key, { role })
  }

  /** Stores, or removes, an affiliate. */
  affiliate(jid: JID, user: string, affiliate: Affiliate | undefined): Write {
    return affiliate === undefined
      ? this.#affiliates.delete(jid, user)
      : this.#affiliates.put(jid, user, affiliate)
  }

  /** Stores, or removes, what somebody has asked who wants to become a member. */
  request(jid: JID, user: string, request: JoinRequest | undefined): Write {
    return request === undefined ? this.#requests.delete(jid, user) : this.#requests.put(jid, user, request)
  }

  /** Stores, or removes, a link by which one becomes a member. */
  link(jid: JID, id: string, link: InviteLink | undefined): Write {
    return link === undefined ? this.#links.delete(jid, id) : this.#links.put(jid, id, link)
  }

  /** Stores that somebody was a member, or, with nothing, that he is to read no more than others. */
  former(jid: JID, user: string, former: Former | undefined): Write {
    return former === undefined ? this.#former.delete(jid, user) : this.#former.put(jid, user, former)
  }

  /** When somebody was a member who is one no more. */
  formerOf(jid: JID, user: JID): Promise<Former | undefined> {
    return this.#former.get(jid, user.bare.toString())
  }

  /** How a room is that is there for others than its owner; as it is stored, whichever node asks. */
  async config(jid: JID): Promise<RoomConfig | undefined> {
    const stored = (await this.#rooms.get(jid, ROOM)) as Stored | undefined
    return stored === undefined || stored.locked ? undefined : { ...DEFAULT_CONFIG, ...stored.config }
  }

  /** The card of a room (XEP-0054), printed alone. */
  card(jid: JID): Promise<string | undefined> {
    return this.#cards.get(jid, CARD)
  }

  /** Stores, or removes, the card, and the hashes of the pictures in it. */
  putCard(jid: JID, card: string | undefined, avatar: readonly string[]): Write[] {
    return [
      card === undefined ? this.#cards.delete(jid, CARD) : this.#cards.put(jid, CARD, card),
      avatar.length === 0 ? this.#rooms.delete(jid, AVATAR) : this.#rooms.put(jid, AVATAR, avatar),
    ]
  }

  /** All rooms of a domain, ordered by address, after one of them. */
  async *list(domain: string, after?: JID): AsyncGenerator<JID> {
    for (let last = after; ; ) {
      const owners = await this.#rooms.owners(last)
      for (const owner of owners) if (owner.domain === domain) yield owner
      last = owners.at(-1)
      if (last === undefined) return
    }
  }
}
