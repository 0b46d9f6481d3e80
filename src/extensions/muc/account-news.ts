import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import type { RoomConfig } from './config.ts'
import { nameOf } from './discovery.ts'
import type { RoomListener } from './listener.ts'
import { membersOf } from './marks.ts'
import type { Standing } from './memberships.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Affiliate, Room } from './room.ts'

/** When an account is told again whose home has not answered, ms. */
const AGAIN_MS = 30_000

/**
 * Has accounts of this host know what they are in rooms, which follows the change in the background: the room keeps what an account is to know, in
 * the same commit, until it has been told.
 */
export class AccountNews implements RoomListener {
  readonly #parts: MucParts
  /** Where somebody may not be added to a group by whoever did, or is another server's. */
  readonly #refused: (room: Room, user: JID, by: JID) => void
  /** By bare JID of the account. The owner is the room. */
  readonly #table: Table<Standing>
  /** What has not been told yet of rooms in memory, by room and account. */
  readonly #open = new Map<string, Standing>()

  constructor(parts: MucParts, refused: (room: Room, user: JID, by: JID) => void) {
    this.#parts = parts
    this.#refused = refused
    this.#table = parts.host.storage.table<Standing>('room-news', 'lww')
  }

  readonly keep: NonNullable<RoomListener['keep']> = (room, config, user, ...change) => {
    if (!this.#isOurs(user)) return []
    return [this.#table.put(room.jid, user.toString(), standingIn(room, config, user, ...change))]
  }

  readonly changed: NonNullable<RoomListener['changed']> = (room, user, before, after, by) => {
    if (this.#isOurs(user)) this.#tell(room, user, standingIn(room, room.config, user, before, after, by))
    else if (user.local !== '' && room.config.group && belongs(after) && !belongs(before))
      this.#refused(room, user, by)
  }

  readonly keepConfig = (room: Room, config: RoomConfig, by: JID): Write[] => {
    if (config.group === room.config.group) return []
    return membersOf(room)
      .map(([text, affiliate]) => [JID.parse(text), affiliate] as const)
      .filter(([user]) => this.#isOurs(user))
      .map(([user, affiliate]) =>
        this.#table.put(room.jid, user.toString(), turnedIn(room, config, user, affiliate, by)),
      )
  }

  readonly configured = (room: Room, before: RoomConfig, by: JID): void => {
    if (room.config.group === before.group) return
    for (const [text, affiliate] of membersOf(room)) {
      const user = JID.parse(text)
      if (this.#isOurs(user)) this.#tell(room, user, turnedIn(room, room.config, user, affiliate, by))
      else this.changed(room, user, undefined, affiliate, by)
    }
  }

  readonly destroyed = (room: Room): void => {
    const { router, background } = this.#parts.host
    for (const [text, affiliate] of membersOf(room)) {
      const user = JID.parse(text)
      this.#open.delete(keyOf(room, user))
      if (!this.#isOurs(user)) continue
      const standing = standingIn(room, room.config, user, affiliate, undefined, room.jid)
      background.run('muc', router.atHome.run('muc:standing', user, standing))
    }
  }

  /** A room has been read: whoever should have been told before its home died, or the server stopped, is told now. */
  async loaded(room: Room): Promise<void> {
    for (const { key, item } of await rowsOf(this.#table, room.jid)) {
      const user = JID.parse(key)
      if (!this.#open.has(keyOf(room, user))) this.#tell(room, user, item)
    }
  }

  #isOurs({ local, domain }: JID): boolean {
    return local !== '' && this.#parts.host.router.host(domain) !== undefined
  }

  #tell(room: Room, user: JID, standing: Standing): void {
    this.#open.set(keyOf(room, user), standing)
    this.#parts.host.background.run('muc', this.#try(room, user, standing))
  }

  async #try(room: Room, user: JID, standing: Standing): Promise<void> {
    const { host, rooms } = this.#parts
    const key = keyOf(room, user)
    const isOpen = (): boolean => this.#open.get(key) === standing && rooms.loaded(room.jid) === room
    try {
      const answer = await host.router.atHome.run('muc:standing', user, standing)
      // Something newer may have happened to it meanwhile, or the room is another node's: that one tells it again.
      if (!isOpen()) return
      this.#open.delete(key)
      await host.storage.commit([this.#table.delete(room.jid, user.toString())])
      if (answer === 'refused') this.#refused(room, user, JID.parse(standing.by))
    } catch (error) {
      host.clock.after(
        AGAIN_MS,
        () => isOpen() && host.background.run('muc', this.#try(room, user, standing)),
      )
      throw error
    }
  }
}

function keyOf(room: Room, user: JID): string {
  return `${room.jid} ${user}`
}

function belongs(affiliate: Affiliate | undefined): boolean {
  return isAtLeast(affiliate?.affiliation ?? 'none', 'member')
}

/** Of a member of what has become a group, as if he were added by that, or of what is one no more. */
function turnedIn(room: Room, config: RoomConfig, user: JID, affiliate: Affiliate, by: JID): Standing {
  return config.group
    ? standingIn(room, config, user, undefined, affiliate, by)
    : { ...standingIn(room, config, user, affiliate, affiliate, by), ended: true }
}

function standingIn(
  room: Room,
  config: RoomConfig,
  user: JID,
  before: Affiliate | undefined,
  after: Affiliate | undefined,
  by: JID,
): Standing {
  return {
    room: room.jid.toString(),
    affiliation: after?.affiliation,
    group: config.group && belongs(before) !== belongs(after),
    by: by.bare.toString(),
    name: nameOf(room),
    nick: after?.nick ?? user.local,
  }
}
