/** Which rooms a user of this host belongs to, at the home of the account: docs/protocol/groups.md. */
import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import blocking from '../blocking/index.ts'
import bookmarks from '../bookmarks/index.ts'
import roster from '../roster/index.ts'
import settings from '../settings/index.ts'
import { nameOf } from './discovery.ts'
import type { RoomListener } from './listener.ts'
import { membersOf } from './marks.ts'
import type { MucParts } from './parts.ts'
import { isAtLeast } from './privileges.ts'
import type { Affiliate, Room } from './room.ts'
import { changeAffiliations } from './standing.ts'

/** What an account is told of its standing with a room. */
export interface Standing {
  readonly room: string
  /** Undefined: it has none any more. */
  readonly affiliation: Affiliate['affiliation'] | undefined
  /** The room is a group, and the account is new in it, or has come to have nothing to do with it. */
  readonly group: boolean
  /** Who did it, a bare JID. */
  readonly by: string
  readonly name: string
  readonly nick: string
}

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** An account has another standing with a room. `refused`: the user does not let whoever did it add him. */
    'muc:standing'(account: JID, standing: Standing): Promise<'noted' | 'refused'>
    /** A user (bare JID) is there no more, and has nothing to do with a room any longer. */
    'muc:removed'(room: JID, user: string): Promise<void>
  }
}

type Membership = Pick<Standing, 'affiliation'>

/** The rooms of accounts whose home is this node: one row for each. */
export class Memberships {
  readonly #host: Host
  readonly #table: Table<Membership>

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<Membership>('memberships', 'lww')
  }

  /** `muc:standing`: notes it and, of a group, keeps the bookmark (XEP-0402) in step: whoever is added finds it there, with autojoin. */
  async take(account: JID, standing: Standing): Promise<'noted' | 'refused'> {
    const { room, affiliation, group, name, nick } = standing
    const belongs = isAtLeast(affiliation ?? 'none', 'member')
    const write = belongs
      ? this.#table.put(account, room, { affiliation })
      : this.#table.delete(account, room)
    const kept = this.#host.find(bookmarks)
    const by = JID.parse(standing.by)
    if (!group || kept === undefined || (belongs && by.equals(account))) {
      await this.#host.storage.commit([write])
      return 'noted'
    }
    if (!belongs) {
      await kept.remove(account, room, [write])
      return 'noted'
    }
    // Whoever is blocked is told nothing of that, and the user nothing of him.
    const isBlocked = await this.#host.find(blocking)?.blocks(account, by)
    const lets = !isBlocked && (await this.#lets(account, by))
    if (lets) await kept.add(account, { room, name, nick }, [write])
    else await this.#host.storage.commit([write])
    return lets || isBlocked ? 'noted' : 'refused'
  }

  /** docs/protocol/settings.md: whether a user lets somebody add him to groups. */
  async #lets(account: JID, by: JID): Promise<boolean> {
    const wish = (await this.#host.find(settings)?.get(account, 'groups')) ?? 'contacts'
    if (wish !== 'contacts') return wish === 'everyone'
    const subscription = await this.#host.find(roster)?.subscription(account, by)
    return subscription === 'from' || subscription === 'both'
  }

  /** The account is removed: rooms forget it. */
  async forget(account: JID): Promise<void> {
    const { router, background } = this.#host
    for (const { key: room } of await rowsOf(this.#table, account))
      background.run('muc', router.atHome.run('muc:removed', JID.parse(room), account.toString()))
  }
}

/** Has accounts of this host know what they are in rooms. `refused` is called where one may not be added to a group by whoever did. */
export function tellAccounts(
  { host }: MucParts,
  refused: (room: Room, user: JID, by: JID) => void,
): RoomListener {
  const isOurs = ({ local, domain }: JID): boolean => local !== '' && host.router.host(domain) !== undefined
  const standingIn = (room: Room, by: JID): Omit<Standing, 'affiliation' | 'nick'> => ({
    room: room.jid.toString(),
    group: room.config.group,
    by: by.bare.toString(),
    name: nameOf(room),
  })
  return {
    changed(room, user, before, after, by) {
      const [was, is] = [before, after].map(one => isAtLeast(one?.affiliation ?? 'none', 'member'))
      const common = standingIn(room, by)
      if (!isOurs(user)) {
        if (!was && is && common.group && user.local !== '') refused(room, user, by)
        return
      }
      const told = host.router.atHome.run('muc:standing', user, {
        ...common,
        group: common.group && was !== is,
        affiliation: after?.affiliation,
        nick: after?.nick ?? user.local,
      })
      host.background.run(
        'muc',
        told.then(answer => void (answer === 'refused' && refused(room, user, by))),
      )
    },
    destroyed(room) {
      const standing: Standing = { ...standingIn(room, room.jid), affiliation: undefined, nick: '' }
      for (const [user] of membersOf(room)) {
        const account = JID.parse(user)
        if (isOurs(account))
          host.background.run('muc', host.router.atHome.run('muc:standing', account, standing))
      }
    },
  }
}

/** `muc:removed`, in the lane of the room. Its last owner stays written down: nobody else can say what becomes of the room. */
export async function removeUser(parts: MucParts, jid: JID, user: string): Promise<void> {
  const room = await parts.rooms.find(jid)
  if (room === undefined || !room.affiliates.has(user)) return
  const owners = [...room.affiliates.values()].filter(({ affiliation }) => affiliation === 'owner').length
  if (owners === 1 && room.affiliates.get(user)?.affiliation === 'owner') return
  const gone = JID.parse(user)
  await changeAffiliations(parts, room, [{ user: gone, affiliation: 'none' }], gone)
}
