/** RFC 6121 §2: The roster, a user's list of contacts. */
import { StanzaError } from '../../core/errors.ts'
import { defineExtension, get, type IqAnswer, type IqContext, set } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import { eachInOrder, then } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Session } from '../../core/session.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { type ItemLimits, itemOf, readWish, removedItem } from './item.ts'
import { portable } from './portable.ts'
import { Rosters } from './rosters.ts'
import type { Change, Contact, Roster } from './rows.ts'
import type { Subscription } from './states.ts'

export { departure } from './departure.ts'
export type { Rosters } from './rosters.ts'
export { type Contact, type ContactRow, type NewContact, type Roster, RosterRows } from './rows.ts'
export * from './states.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /** A user has removed a contact, or his account is removed. The contact is gone; `contact` says what it was. */
    'roster:removed': { owner: JID; contact: Contact }
    /** A user gets a contact's presence from now on. */
    'roster:granted': { owner: JID; contact: JID }
  }
}

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** Adds contacts by their bare addresses as they are, as an import does, and tells the owner's clients. */
    'roster:add'(
      owner: JID,
      contacts: readonly (readonly [contact: string, subscription: Subscription])[],
    ): Promise<void>
  }
}

/** So many changes are sent one by one; more, and a client gets the whole roster (RFC 6121 §2.6.3). */
const MOST_CHANGES = 50

export default defineExtension({
  name: 'roster',
  doc: 'The contact list, with versions',
  rfcs: ['RFC 6121 §2'],
  streamFeatures: [['ver', NS.rosterVersioning]],
  options: {
    contacts: option.integer({ doc: 'Most contacts of one user', default: 10_000, min: 1, max: 100_000 }),
    'groups-per-contact': option.integer({
      doc: 'Most groups that a contact is in',
      default: 50,
      min: 1,
      max: 1_000,
    }),
    'name-bytes': option.integer({
      doc: 'Longest name of a contact or a group',
      default: 1_023,
      min: 1,
      max: 10_000,
      unit: 'bytes',
    }),
  },
  portable: [portable],
  setup(host, options) {
    const limits = { groups: options['groups-per-contact'], nameBytes: options['name-bytes'] }
    const rosters = new Rosters(host, options.contacts)
    return {
      provides: rosters,
      moving: { forget: which => rosters.drop(which) },
      iq: [
        get(NS.roster, 'query', 'account', iq => getRoster(host, rosters, iq)),
        set(NS.roster, 'query', 'account', iq => setItem(host, rosters, limits, iq), { access: 'any' }),
      ],
      atHome: {
        'roster:add': async (owner, contacts) => {
          const added = contacts.map(([contact, subscription]) => ({
            contact: JID.parse(contact),
            subscription,
          }))
          await rosters.add(owner, added)
          for (const { contact, subscription } of added)
            if (subscription === 'to' || subscription === 'both')
              await host.hooks.emit('roster:granted', { owner, contact })
        },
      },
      on: {
        // Whoever comes is about to ask for it, or to send presence: it is read while the client is answered.
        'session:bound': ({ session }) => rosters.expect(session.jid.bare),
        'session:arrived': ({ session }) => rosters.expect(session.jid.bare),
        'session:closed': ({ session }) => rosters.left(session.jid.bare),
        'user:removed': ({ owner }) => removeAll(host, rosters, owner),
      },
    }
  },
})

/** RFC 6121 §2.2: the whole roster or, to a client that knows a version of it, what has changed since. */
function getRoster(host: Host, rosters: Rosters, { owner, payload, session }: IqContext) {
  const known = payload.attrs.ver as string | undefined
  return host.router.homes.inLane(owner, () =>
    then(rosters.of(owner), async (roster): Promise<Element | IqAnswer | undefined> => {
      if (session !== undefined) rosters.setInterested(session)
      if (known !== undefined && session !== undefined) {
        const changes = await changesSince(rosters, roster, known)
        if (changes !== undefined)
          return { payload: undefined, after: () => pushAll(rosters, session, changes) }
      }
      const items = await rosters.items(roster)
      // RFC 6121 §2.6.3: "the server SHOULD include the 'ver' attribute", also where the client has not.
      return xml('query', { xmlns: NS.roster, ver: String(roster.version) }, items)
    }),
  )
}

/** What a client with this version has missed; undefined where it has to have the whole roster. */
async function changesSince(rosters: Rosters, roster: Roster, known: string): Promise<Change[] | undefined> {
  const version = /^\d{1,15}$/.test(known) ? Number(known) : Number.NaN
  // RFC 6121 §2.6.3: an empty result to a client that knows it all.
  if (version === roster.version) return []
  if (!(version > 0 && version >= roster.since && version < roster.version)) return undefined
  const changes = await rosters.rows.changes(roster.owner, version)
  return changes.length > MOST_CHANGES ? undefined : changes
}

function pushAll(rosters: Rosters, session: Session, changes: readonly Change[]): void {
  for (const { contact, row, version } of changes)
    rosters.pushTo(session, row === undefined ? removedItem(contact) : itemOf(contact, row), version)
}

/** RFC 6121 §2.3, §2.4, §2.5: adds, changes or removes a contact. */
function setItem(host: Host, rosters: Rosters, limits: ItemLimits, iq: IqContext) {
  const { owner, payload } = iq
  // RFC 6121 §2.3.3, §2.5.3: nobody but the user changes the roster. The same answer where there is no such account.
  ownSession(iq)
  const { contact, remove, name, groups } = readWish(payload, owner, limits)
  return host.router.homes.inLane(owner, async () => {
    const roster = await rosters.of(owner)
    if (remove) return removeContact(host, rosters, roster, contact)
    rosters.requireRoom(roster, contact)
    const changed = await rosters.change(
      roster,
      contact,
      // RFC 6121 §2.4.2: name and groups are what the client says now; the subscription is not his to write.
      ({ name: _, groups: __, ...row }) => ({
        ...row,
        listed: true,
        ...(name !== undefined && { name }),
        ...(groups.length > 0 && { groups }),
      }),
      true,
    )
    changed.push()
    return undefined
  })
}

async function removeContact(host: Host, rosters: Rosters, roster: Roster, jid: JID): Promise<undefined> {
  const contact = roster.find(jid)
  // RFC 6121 §2.5.3
  if (!contact?.listed) throw new StanzaError('item-not-found')
  const changed = await rosters.change(roster, jid, () => undefined, true)
  changed.push()
  await host.hooks.emit('roster:removed', { owner: roster.owner, contact })
  return undefined
}

/** An account is removed: its contacts are to know. What is stored goes with the account. */
function removeAll(host: Host, rosters: Rosters, owner: JID) {
  return then(rosters.of(owner), roster =>
    then(
      eachInOrder([...roster.contacts.values()], contact => {
        const told = host.hooks.emit('roster:removed', { owner, contact })
        return then(told, () => undefined)
      }),
      () => rosters.forget(owner),
    ),
  )
}
