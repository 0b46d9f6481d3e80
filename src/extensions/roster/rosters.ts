import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { isPromise, type Maybe, then } from '../../core/maybe.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import type { Write } from '../../storage/types.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'
import { itemOf, removedItem } from './item.ts'
import { type ContactRow, type NewContact, type Roster, RosterRows } from './rows.ts'
import { type Subscription, subscriptionOf } from './states.ts'

/** What a contact is made into; `undefined`: it is removed. */
export type ContactEdit = (row: ContactRow) => ContactRow | undefined

/** A change that is stored. */
export interface Changed {
  /** Tells the clients, where there is anything that they see. */
  readonly push: () => void
}

/** Rosters of users who are not signed in that are kept in memory, and most contacts in them. */
const IDLE_ROSTERS = 1_000
const IDLE_CONTACTS = 100_000

/** A contact of whom nothing is known. */
const STRANGER: ContactRow = { state: 'none', listed: false, approved: false, version: 0 }

const UNCHANGED: Changed = { push: () => undefined }

/** RFC 6121 §2.2: a client that has asked for the roster is interested in its changes. */
const interested = new SessionFlag('roster-interested', false)

/**
 * The rosters of one host, in memory while their owners have sessions, so that presence needs no storage. Whatever is changed is changed
 * here, in the lane of the owner. `subscription` and `list` may be called anywhere.
 */
export class Rosters {
  readonly rows: RosterRows
  readonly #host: Host
  readonly #most: number
  readonly #present = new Map<string, Roster>()
  /** Those that are being read: whoever asks meanwhile gets the same. */
  readonly #loading = new Map<string, Promise<Roster>>()
  readonly #idle = new LRUCache<string, Roster>({
    max: IDLE_ROSTERS,
    maxSize: IDLE_CONTACTS,
    sizeCalculation: roster => roster.contacts.size + 1,
  })

  /** `most`: contacts of one user. */
  constructor(host: Host, most: number) {
    this.#host = host
    this.#most = most
    this.rows = new RosterRows(host.storage, host.clock)
  }

  /** The roster of an owner. */
  of(owner: JID): Maybe<Roster> {
    const key = owner.toString()
    return this.#known(key) ?? this.#loading.get(key) ?? this.#load(owner)
  }

  /** Somebody is about to ask for the roster of an owner: begins to read it. */
  expect(owner: JID): void {
    const roster = this.of(owner)
    // Whoever asks for it learns that it could not be read.
    if (isPromise(roster)) roster.catch(() => {})
  }

  /** The listed contacts as clients see them, in the order of their addresses. */
  async items({ owner, contacts }: Roster): Promise<Element[]> {
    if (contacts.size === 0) return []
    const items = await this.rows.items(owner)
    return items.map(({ contact, row }) => itemOf(contact, row))
  }

  /** The same where it is in memory. */
  inMemory(owner: JID): Roster | undefined {
    return this.#known(owner.toString())
  }

  /** Who gets whose presence: `to` if the owner gets the contact's, `from` if the contact gets the owner's. At once where the owner has sessions. */
  subscription(owner: JID, contact: JID): Maybe<Subscription> {
    const roster = this.#known(owner.bare.toString())
    const state = roster?.state(contact) ?? then(this.rows.get(owner, contact), row => row?.state ?? 'none')
    return then(state, subscriptionOf)
  }

  /** Bare addresses of the contacts that the owner's clients see. */
  list(owner: JID): Maybe<JID[]> {
    const roster = this.#known(owner.bare.toString()) ?? this.rows.load(owner.bare)
    return then(roster, ({ contacts }) =>
      [...contacts.values()].filter(one => one.listed).map(one => one.jid),
    )
  }

  /** Throws the StanzaError `not-allowed` where a user who lists this contact would have too many. */
  requireRoom(roster: Roster, contact: JID): void {
    if (roster.contacts.size < this.#most || roster.find(contact)?.listed) return
    let listed = 0
    for (const one of roster.contacts.values()) if (one.listed) listed++
    if (listed >= this.#most)
      throw new StanzaError('not-allowed', { text: `a roster has at most ${this.#most} contacts` })
  }

  /** Changes a contact and stores it. `push` of the result tells the clients; `always`: also of no change (RFC 6121 §2.1.6). */
  async change(roster: Roster, contact: JID, edit: ContactEdit, always = false): Promise<Changed> {
    const { owner } = roster
    const before = await this.rows.get(owner, contact)
    const after = edit(before ?? STRANGER)
    if (!always && isDeepStrictEqual(before, after)) return UNCHANGED
    const [was, is] = [visible(contact, before), visible(contact, after)]
    const seen = always || was?.toString() !== is?.toString()
    const writes = this.rows.change(roster, contact, after, seen)
    if (seen) writes.push(this.rows.putVersion(roster))
    await this.#store(owner, writes)
    const { version } = roster
    return { push: () => seen && this.#push(owner, is ?? removedItem(contact.toString()), version) }
  }

  /** Adds contacts as they are, as an import does, and tells the clients. */
  async add(owner: JID, contacts: readonly NewContact[]): Promise<void> {
    const roster = await this.of(owner)
    await this.#store(owner, await this.rows.add(roster, contacts))
    if (this.interested(owner).length === 0) return
    for (const { contact } of contacts) {
      const row = await this.rows.get(owner, contact)
      if (row !== undefined) this.#push(owner, itemOf(contact.toString(), row), row.version)
    }
  }

  /** The sessions that learn of changes. */
  interested(owner: JID): readonly Session[] {
    return this.#host.sessions(owner).filter(session => interested.get(session))
  }

  /** A client has asked for the roster. */
  setInterested(session: Session): void {
    interested.set(session, true)
  }

  /** Sends a changed item to one session: RFC 6121 §2.1.6. */
  pushTo(session: Session, item: Element, version: number): void {
    session.send(pushOf(session.jid.bare, item, version).readdress(session.jid))
  }

  /** A session has gone. */
  left(owner: JID): void {
    const key = owner.toString()
    const roster = this.#present.get(key)
    if (roster === undefined || this.#host.sessions(owner).length > 0) return
    this.#present.delete(key)
    this.#idle.set(key, roster)
  }

  /** Drops what is in memory. */
  forget(owner: JID): void {
    const key = owner.toString()
    this.#present.delete(key)
    this.#idle.delete(key)
    this.#loading.delete(key)
  }

  /** The home of these owners is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const key of [...this.#present.keys(), ...this.#loading.keys(), ...this.#idle.keys()])
      if (which(key)) this.forget(JID.parse(key))
  }

  /** Stores a change that the roster in memory has already; when that fails, it is read anew. */
  async #store(owner: JID, writes: readonly Write[]): Promise<void> {
    try {
      await commit(this.#host.storage, writes, this.#host.log)
    } catch (error) {
      this.forget(owner)
      throw error
    }
  }

  #push(owner: JID, item: Element, version: number): void {
    const sessions = this.interested(owner)
    if (sessions.length === 0) return
    const push = pushOf(owner, item, version)
    for (const session of sessions) session.send(push.readdress(session.jid))
  }

  #known(key: string): Roster | undefined {
    return this.#present.get(key) ?? this.#idle.get(key)
  }

  async #load(owner: JID): Promise<Roster> {
    const key = owner.toString()
    const loading = this.rows.load(owner)
    this.#loading.set(key, loading)
    try {
      const roster = await loading
      // Forgotten meanwhile, it is not remembered.
      if (this.#loading.get(key) !== loading) return roster
      if (this.#host.sessions(owner).length > 0) this.#present.set(key, roster)
      else this.#idle.set(key, roster)
      return roster
    } finally {
      if (this.#loading.get(key) === loading) this.#loading.delete(key)
    }
  }
}

function visible(contact: JID, row: ContactRow | undefined): Element | undefined {
  return row?.listed ? itemOf(contact.toString(), row) : undefined
}

function pushOf(owner: JID, item: Element, version: number): Stanza {
  const ver = String(version)
  // RFC 6121 §2.1.6: from the bare address of the account, which is what clients have to check.
  return Stanza.build(
    'iq',
    { type: 'set', id: `push-${ver}`, from: owner },
    xml('query', { xmlns: NS.roster, ver }, item),
  )
}
