/** Which rooms a user of this host belongs to, at the home of the account: docs/protocol/groups.md. */
import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import blocking from '../blocking/index.ts'
import bookmarks from '../bookmarks/index.ts'
import roster from '../roster/index.ts'
import settings from '../settings/index.ts'
import { isAtLeast } from './privileges.ts'
import type { Affiliate } from './room.ts'

/** What an account is told of its standing with a room. */
export interface Standing {
  readonly room: string
  /** Undefined: it has none any more. */
  readonly affiliation: Affiliate['affiliation'] | undefined
  /** The room is a group, and the account is new in it, or has come to have nothing to do with it. */
  readonly group: boolean
  /** The room was a group, and is none any more. */
  readonly ended?: true
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

interface Membership extends Pick<Standing, 'affiliation'> {
  /** The bookmark is ours: it goes with the membership. */
  readonly bookmarked?: true
  /** The user has made the room: what others make him an owner of does not count. */
  readonly made?: true
}

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
    const { room, affiliation, group, ended, name, nick } = standing
    const belongs = isAtLeast(affiliation ?? 'none', 'member')
    const before = await this.#table.get(account, room)
    const by = JID.parse(standing.by)
    const made = before === undefined ? affiliation === 'owner' && by.equals(account) : before.made === true
    const row = (bookmarked: boolean): Write[] => [
      belongs
        ? this.#table.put(account, room, {
            affiliation,
            ...(bookmarked && { bookmarked }),
            ...(made && { made }),
          })
        : this.#table.delete(account, room),
    ]
    const kept = this.#host.find(bookmarks)
    if ((!belongs || ended) && before?.bookmarked && kept !== undefined) {
      await kept.remove(account, room, row(false))
      return 'noted'
    }
    if (!belongs || !group || kept === undefined || by.equals(account)) {
      await this.#host.storage.commit(row(before?.bookmarked ?? false))
      return 'noted'
    }
    // Whoever is blocked is told nothing of that, and the user nothing of him.
    const isBlocked = await this.#host.find(blocking)?.blocks(account, by)
    const lets = !isBlocked && (await this.#lets(account, by))
    if (lets)
      await kept.add(account, { room, name, nick }, isNew => row(isNew || before?.bookmarked === true))
    else await this.#host.storage.commit(row(before?.bookmarked ?? false))
    return lets || isBlocked ? 'noted' : 'refused'
  }

  /** How many rooms a user has made and owns, as far as the account knows: whichever node asks. */
  async owned(account: JID): Promise<number> {
    const rows = await rowsOf(this.#table, account)
    return rows.filter(({ item }) => item.made && item.affiliation === 'owner').length
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
