/** XEP-0441: Message Archive Management Preferences. */
import { namedAddress } from '../../core/address.ts'
import { commit } from '../../core/commit.ts'
import { StanzaError } from '../../core/errors.ts'
import type { IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { ownSession } from '../../core/iq.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Table } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Rosters } from '../roster/index.ts'

/** XEP-0441 §2.1.1: what holds for whoever is in neither list. */
const DEFAULTS = ['always', 'never', 'roster'] as const
type Default = (typeof DEFAULTS)[number]

/** What a user wants archived; addresses as texts. */
interface Wishes {
  readonly default: Default
  readonly always: readonly string[]
  readonly never: readonly string[]
}

/** Of nearly everybody. */
const EVERYTHING: Wishes = { default: 'always', always: [], never: [] }
const KEY = 'wishes'
/** Most addresses in both lists of one user. */
const MOST_ADDRESSES = 1_000
/** Wishes in memory, most of which are the same object. */
const CACHED = 20_000

/** What the users of a host want archived, read once and then kept: most messages cost one look into a map. */
export class Preferences {
  readonly #host: Host
  readonly #rosters: Rosters | undefined
  readonly #table: Table<Wishes>
  readonly #cache = growingCache<string, Wishes>(CACHED)

  /** Without rosters nobody is in one. */
  constructor(host: Host, rosters: Rosters | undefined) {
    this.#host = host
    this.#rosters = rosters
    this.#table = host.storage.table<Wishes>('archive-preferences', 'lww')
  }

  /** Whether a user wants archived what he writes to somebody, or gets from there. */
  allow(owner: JID, peer: JID): Maybe<boolean> {
    const wishes = this.#of(owner)
    return wishes === EVERYTHING || then(wishes, wishes => this.#allow(wishes, owner, peer))
  }

  #allow(wishes: Wishes, owner: JID, peer: JID): Maybe<boolean> {
    // XEP-0441 §2.3.1: the address itself, and without its resource. What is wished about one resource says more than about all.
    for (const address of [peer.toString(), peer.bare.toString()]) {
      if (wishes.never.includes(address)) return false
      if (wishes.always.includes(address)) return true
    }
    if (wishes.default !== 'roster') return wishes.default === 'always'
    if (this.#rosters === undefined) return false
    return then(
      this.#rosters.of(owner.bare),
      roster => roster.contacts.get(peer.bare.toString())?.listed === true,
    )
  }

  /** XEP-0441 §2.1: tells what is wished. */
  read(iq: IqContext): Maybe<Element> {
    ownSession(iq)
    return then(this.#of(iq.owner), print)
  }

  /** XEP-0441 §2.1: replaces it, and tells what holds now. */
  async write(iq: IqContext): Promise<Element> {
    const { owner, payload } = iq
    ownSession(iq)
    const wishes = parse(payload)
    await this.#host.router.homes.inLane(owner, async () => {
      await commit(this.#host.storage, [this.#table.put(owner, KEY, wishes)], this.#host.log)
      this.#cache.set(owner.toString(), wishes)
    })
    return print(wishes)
  }

  /** An account is no more. */
  forget(owner: JID): void {
    this.#cache.set(owner.toString(), EVERYTHING)
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#cache.deleteWhere(which)
  }

  #of(owner: JID): Maybe<Wishes> {
    return this.#cache.get(owner.bare.toString()) ?? this.#load(owner.bare)
  }

  async #load(owner: JID): Promise<Wishes> {
    const stored = (await this.#table.get(owner, KEY)) ?? EVERYTHING
    // They may have been changed while they were read.
    const known = this.#cache.get(owner.toString())
    if (known === undefined) this.#cache.set(owner.toString(), stored)
    return known ?? stored
  }
}

function parse(payload: Element): Wishes {
  const wished = DEFAULTS.find(name => name === payload.attrs.default)
  if (wished === undefined)
    throw new StanzaError('bad-request', { text: 'default is always, never or roster' })
  const wishes = { default: wished, always: addresses(payload, 'always'), never: addresses(payload, 'never') }
  if (wishes.always.length + wishes.never.length > MOST_ADDRESSES)
    throw new StanzaError('not-acceptable', { text: `${MOST_ADDRESSES} addresses at most` })
  return wishes
}

function addresses(payload: Element, name: 'always' | 'never'): string[] {
  const list = payload.getChild(name, NS.archive)?.getChildren('jid', NS.archive) ?? []
  return list.map(jid => namedAddress(jid.getText().trim()).toString())
}

function print({ default: otherwise, always, never }: Wishes): Element {
  const list = (name: string, addresses: readonly string[]) =>
    xml(
      name,
      {},
      addresses.map(address => xml('jid', {}, address)),
    )
  return xml('prefs', { xmlns: NS.archive, default: otherwise }, list('always', always), list('never', never))
}
