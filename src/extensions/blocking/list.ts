import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table, Write } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import type { JID } from '../../xml/jid.ts'

/** Whom a user blocks: addresses as texts. */
export type BlockList = ReadonlySet<string>

/** What changes in a list. */
export interface BlockChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

const NOBODY: BlockList = new Set()
/** Lists in memory, most of which are the one empty list. */
const CACHED = 20_000
const PAGE = 1_000

/**
 * The block lists of the accounts whose home is this node, each read from storage once and then kept: a message of somebody who
 * blocks nobody costs one look into a map.
 */
export class BlockLists {
  readonly #host: Host
  readonly #table: Table<true>
  readonly #cache = growingCache<string, { list: Maybe<BlockList> }>(CACHED)

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<true>('blocking', 'lww')
  }

  /** Whom an account blocks. */
  of(owner: JID): Maybe<BlockList> {
    const key = owner.toString()
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached.list
    const reading = this.#read(owner)
    const entry: { list: Maybe<BlockList> } = { list: reading }
    this.#cache.set(key, entry)
    reading.then(
      list => {
        if (entry.list === reading) entry.list = list
      },
      // What could not be read is read again.
      () => void (this.#cache.get(key) === entry && this.#cache.delete(key)),
    )
    return reading
  }

  /** Whether it is known, without waiting, that an account blocks nobody: the way of nearly all stanzas. */
  isEmpty(owner: JID): boolean {
    return this.#cache.get(owner.toString())?.list === NOBODY
  }

  /** Stores a change. It does not hold before `hold()`. Both are called in the owner's lane, so that no two changes mix. */
  store(owner: JID, { added, removed }: BlockChange): Maybe<void> {
    const writes: Write[] = [
      ...added.map(jid => this.#table.put(owner, jid, true)),
      ...removed.map(jid => this.#table.delete(owner, jid)),
    ]
    return commit(this.#host.storage, writes, this.#host.log)
  }

  /** Has a stored change hold from now on. */
  hold(owner: JID, { added, removed }: BlockChange): Maybe<void> {
    return then(this.of(owner), before => {
      const list = new Set(before)
      for (const jid of added) list.add(jid)
      for (const jid of removed) list.delete(jid)
      this.#cache.set(owner.toString(), { list: list.size === 0 ? NOBODY : list })
    })
  }

  /** An account is no more, and blocks nobody: whoever asks until its rows are gone must not bring them back into memory. */
  forget(owner: JID): void {
    this.#cache.set(owner.toString(), { list: NOBODY })
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#cache.deleteWhere(which)
  }

  async #read(owner: JID): Promise<BlockList> {
    const rows = await rowsOf(this.#table, owner, PAGE)
    return rows.length === 0 ? NOBODY : new Set(rows.map(({ key }) => key))
  }
}

/** Whether `owner`, who blocks `list`, has nothing to do with `peer`. */
export function blocks(list: Maybe<BlockList>, owner: JID, peer: JID): Maybe<boolean> {
  return then(list, known => known.size > 0 && covers(known, owner, peer))
}

/** The same of a list that is at hand. Nobody can block himself: his own devices would fall silent. */
export function covers(list: BlockList, owner: JID, peer: JID): boolean {
  return matches(list, peer) && !peer.bare.equals(owner)
}

/** XEP-0191 §6: a full JID is blocked by itself, by its bare JID or by its domain. */
function matches(list: BlockList, peer: JID): boolean {
  return list.has(peer.toString()) || list.has(peer.bare.toString()) || list.has(peer.domain)
}
