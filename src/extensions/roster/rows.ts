import type { Clock } from '../../core/clock.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Entry, Storage, Table, Write } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import type { State, Subscription } from './states.ts'

/** A contact as it is stored, under its bare JID. */
export interface ContactRow {
  readonly name?: string
  readonly groups?: readonly string[]
  readonly state: State
  /** False for one who has only asked for a subscription: no client sees it in the roster (RFC 6121 Appendix A.1). */
  readonly listed: boolean
  /** A subscription that is granted before it is asked for: RFC 6121 §3.4. */
  readonly approved: boolean
  /** The request of a contact who waits for an answer, packed: RFC 6121 §3.1.3 rule 3. */
  readonly request?: string
  /** Version of the roster in which the item last changed. */
  readonly version: number
}

/** What is left of a removed contact, so that a client that was away learns of it: RFC 6121 §2.6.3. */
interface Tombstone {
  readonly removed: true
  readonly version: number
}

type Row = ContactRow | Tombstone

/** A row of its own table. */
interface VersionRow {
  readonly version: number
  readonly since: number
}

/** A contact in memory: what presence needs. */
export interface Contact {
  readonly jid: JID
  readonly state: State
  readonly approved: boolean
  readonly listed: boolean
}

/** A removal that is remembered. */
interface Removed {
  readonly contact: string
  readonly version: number
}

/** A roster in memory: who may know what. Names and groups stay in the storage. */
export class Roster {
  readonly owner: JID
  readonly contacts = new Map<string, Contact>()
  /** Removed contacts of which something is left, the first one removed first. */
  readonly removed: Removed[] = []
  /** Version of the last change; 0 when there was none. */
  version = 0
  /** Changes after this version are known. */
  since = 0

  constructor(owner: JID) {
    this.owner = owner
  }

  /** The contact with this address or its bare form. */
  find(contact: JID): Contact | undefined {
    return this.contacts.get(contact.bare.toString())
  }

  /** The state towards an address; none for a stranger. */
  state(contact: JID): State {
    return this.find(contact)?.state ?? 'none'
  }

  /** Contacts whose state fits. */
  which(fits: (state: State) => boolean): JID[] {
    const found: JID[] = []
    this.contacts.forEach(({ jid, state }) => {
      if (fits(state)) found.push(jid)
    })
    return found
  }
}

/** A contact to add, by its bare address. */
export interface NewContact {
  readonly contact: JID
  readonly subscription: Subscription
}

/** A contact that changed since a version; without a row it was removed. */
export interface Change {
  readonly contact: string
  readonly row: ContactRow | undefined
  readonly version: number
}

/** So many removals are remembered. */
const MAX_REMOVED = 100
const PAGE = 1_000
const VERSION_KEY = 'version'

/** The rows of rosters in a storage. It keeps no state: whoever changes a roster does so in the owner's lane. */
export class RosterRows {
  readonly #contacts: Table<Row>
  readonly #versions: Table<VersionRow>
  readonly #clock: Pick<Clock, 'now'>

  constructor(storage: Storage, clock: Pick<Clock, 'now'>) {
    this.#contacts = storage.table<Row>('roster', 'lww')
    this.#versions = storage.table<VersionRow>('roster-version', 'lww')
    this.#clock = clock
  }

  /** Reads a whole roster. */
  async load(owner: JID): Promise<Roster> {
    const roster = new Roster(owner)
    const [known, rows] = await Promise.all([this.#versions.get(owner, VERSION_KEY), this.#all(owner)])
    roster.version = known?.version ?? 0
    roster.since = known?.since ?? 0
    for (const { key, item } of rows) {
      if ('removed' in item) roster.removed.push({ contact: key, version: item.version })
      else roster.contacts.set(key, contactOf(JID.parse(key), item))
    }
    roster.removed.sort(byVersion)
    return roster
  }

  /** What is stored of one contact. */
  async get(owner: JID, contact: JID): Promise<ContactRow | undefined> {
    const row = await this.#contacts.get(owner, contact.bare.toString())
    return row === undefined || 'removed' in row ? undefined : row
  }

  /** All listed contacts, in the order of their addresses. */
  async items(owner: JID): Promise<{ contact: string; row: ContactRow }[]> {
    const found: { contact: string; row: ContactRow }[] = []
    for (const { key, item } of await this.#all(owner))
      if (!('removed' in item) && item.listed) found.push({ contact: key, row: item })
    return found
  }

  /** What changed after a version, in the order of the changes. */
  async changes(owner: JID, after: number): Promise<Change[]> {
    const found: Change[] = []
    for (const { key, item } of await this.#all(owner)) {
      if (item.version <= after) continue
      if ('removed' in item) found.push({ contact: key, row: undefined, version: item.version })
      else if (item.listed) found.push({ contact: key, row: item, version: item.version })
    }
    return found.sort(byVersion)
  }

  /**
   * Changes a contact in the roster and gives the writes that store it; `undefined` removes it. A change that clients see gets a version:
   * store `putVersion`, too.
   * A roster whose writes fail is of no use any more: load it again.
   */
  change(roster: Roster, contact: JID, row: ContactRow | undefined, visible: boolean): Write[] {
    const { owner } = roster
    const key = contact.toString()
    if (visible) roster.version = this.#nextVersion(roster)
    const { version } = roster
    const writes: Write[] = []
    const again = roster.removed.findIndex(one => one.contact === key)
    if (again >= 0) roster.removed.splice(again, 1)
    if (row !== undefined) {
      roster.contacts.set(key, contactOf(contact, row))
      writes.push(this.#contacts.put(owner, key, visible ? { ...row, version } : row))
    } else {
      roster.contacts.delete(key)
      writes.push(
        visible
          ? this.#contacts.put(owner, key, { removed: true, version })
          : this.#contacts.delete(owner, key),
      )
      if (visible) writes.push(...this.#bury(roster, key))
    }
    return writes
  }

  /** What stores the version of a roster, together with changes that clients see. */
  putVersion({ owner, version, since }: Roster): Write {
    return this.#versions.put(owner, VERSION_KEY, { version, since })
  }

  /** Adds contacts, or gives those that are there another subscription; the writes that store it. */
  async add(roster: Roster, contacts: readonly NewContact[]): Promise<Write[]> {
    const writes: Write[] = []
    for (const { contact, subscription: state } of contacts) {
      const known = roster.find(contact) && (await this.get(roster.owner, contact))
      const { request: _, ...kept } = known ?? { approved: false, version: 0 }
      writes.push(...this.change(roster, contact, { ...kept, state, listed: true }, true))
    }
    writes.push(this.putVersion(roster))
    return writes
  }

  /** Remembers a removal, and forgets the oldest one: whoever has an older version gets the whole roster from then on. */
  #bury(roster: Roster, contact: string): Write[] {
    roster.removed.push({ contact, version: roster.version })
    if (roster.removed.length <= MAX_REMOVED) return []
    const oldest = roster.removed.shift() as Removed
    roster.since = oldest.version
    return [this.#contacts.delete(roster.owner, oldest.contact)]
  }

  /** Time is in it, so that no version of a removed account comes again with the next account of that name. */
  #nextVersion(roster: Roster): number {
    return Math.max(roster.version + 1, this.#clock.now())
  }

  #all(owner: JID): Promise<readonly Entry<Row>[]> {
    return rowsOf(this.#contacts, owner, PAGE)
  }
}

/** What of a row is kept in memory. */
function contactOf(jid: JID, { state, approved, listed }: ContactRow): Contact {
  return { jid, state, approved, listed }
}

function byVersion(a: { version: number }, b: { version: number }): number {
  return a.version - b.version
}
