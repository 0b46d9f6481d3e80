/** Archives: stanzas in the order in which they were committed, by owner. What every back end offers of them is in `types.ts`. */
import type { JID } from '../xml/jid.ts'
import type { Page, Write } from './table-types.ts'

/**
 * A write to an archive. What the commit gave is known when it has resolved; reading it earlier throws.
 */
export interface Append extends Write {
  /** Whether the commit has resolved. */
  readonly committed: boolean
  /**
   * Whether one of the items of this commit was there already (see `Unique`), so that nothing was stored. Then the rest is what the first
   * copy has: of the owner whose key was met for sure, of the others as far as that is known. A count that is not known is 0.
   */
  readonly repeated: boolean
  /** The id of the archived item: positive, below 2^63, greater than every id that this archive gave before. */
  readonly id: bigint
  /** Which of the items that are counted together (`ArchiveItem.counted`) it is: 1, 2, 3 ... without a gap; no number comes twice, whatever is erased. */
  readonly sequence: number
  /** How many of those items, up to and including this one, count as unread. */
  readonly unread: number
}

/** What is archived. */
export interface ArchiveItem {
  /** Whom the owner talked with, as a bare or a full JID. */
  readonly peer: JID
  /**
   * The stanza. Appends of one commit that share this very object (one stanza in the archives of both sides) are stored once
   * where the back end can, so hand over the same buffer, and do not change it afterwards. At most 8 MiB.
   */
  readonly payload: Uint8Array
  /** Whether the owner has something to read in it; not by default. */
  readonly unread?: boolean
  /** What it is counted with: the owner's items with the same bare peer (default), or all of the owner's that say `owner`, as in a room. */
  readonly counted?: 'peer' | 'owner'
  /** How a second copy is known. */
  readonly unique?: Unique
}

/**
 * Drops repeated stanzas: where an item of the same owner has one of these keys, the whole commit stores nothing, resolves, and its appends are `repeated`.
 * Keys are well-formed strings of at most 1,024 bytes, compared as a whole. A key holds for at least 24 hours, and not much longer than 48.
 */
export interface Unique {
  /** The key of this item. */
  readonly key: string
  /** The keys that must not be there; by default the key of this item. An empty list stores it in any case. */
  readonly unless?: readonly string[]
}

/** Which items; all given conditions hold together. */
export interface ArchiveQuery {
  /** Only items with this peer: a full JID as it was given, a bare one whatever the resource. */
  readonly peer?: JID
  /** Only items archived at this time or later (ms since 1970). */
  readonly start?: number
  /** Only items archived at this time or earlier (ms since 1970). */
  readonly end?: number
  /** Only ids greater than this one. */
  readonly after?: bigint
  /** Only ids less than this one. */
  readonly before?: bigint
  /** Only these ids. Those that the owner does not have are left out. At most 1,000. */
  readonly ids?: readonly bigint[]
  /**
   * Only items whose payload contains one of these, byte by byte.
   * All others are looked through: a few us each, and nobody else waits for that. A page that is full then has `more`: there may be.
   */
  readonly containing?: readonly Uint8Array[]
  /** From the newest down. */
  readonly reverse?: boolean
  /** 100 by default, 1,000 at most. 0 to count only. */
  readonly limit?: number
  /** Whether to count all items that match, `limit` aside. */
  readonly count?: boolean
}

/** One archived item as its owner sees it. */
export interface ArchiveEntry {
  readonly id: bigint
  /** When it was archived (ms since 1970). It never decreases with the id. */
  readonly time: number
  /** As it was given. */
  readonly peer: JID
  readonly payload: Uint8Array
  /** See `Append`. */
  readonly sequence: number
  /** See `Append`. */
  readonly unread: number
}

/** Some archived items, in the order asked for. */
export interface ArchivePage extends Page<ArchiveEntry> {
  /** How many items match in all, if it was asked for; left out where counting would take long (more than some 10,000 items to look at, or into). */
  readonly total?: number
}

/** An archived item that comes from another storage, as it was there. */
export interface MovedItem extends ArchiveEntry {
  /** See `ArchiveItem`. */
  readonly counted?: 'peer' | 'owner'
}

/** Which items to erase; without a condition all. */
export interface PurgeQuery {
  /** Only items archived before this time (ms since 1970). */
  readonly before?: number
  /** Only ids up to this one. */
  readonly upTo?: bigint
  /** Only these ids. */
  readonly ids?: readonly bigint[]
}

/** Stanzas in the order in which they were committed, by owner. */
export interface Archive {
  /** Adds an item at the end. Ids and counts are given in commit order. */
  append(owner: JID, item: ArchiveItem): Append
  /**
   * Puts another payload (a tombstone) in the place of the one that the owner has under this id; nothing where there is none. All else of
   * the item stays, and so does the other side's copy. What it held is overwritten on the disk soon; when `settled` resolves, it is.
   */
  replace(owner: JID, id: bigint, payload: Uint8Array): Write
  page(owner: JID, query?: ArchiveQuery): Promise<ArchivePage>
  /**
   * Brings items of an owner from another storage, with the ids, times and counts that they had there; all of a call, or none when it rejects.
   * They come in the order of their ids, the oldest first, after all that this archive has of this owner; what it has of others may be newer
   * or older. What is appended later has greater ids and goes on with the counts. At most 1,000 items. Rejects as `invalid` where this
   * storage cannot have given such an id at that time.
   */
  restore(owner: JID, items: readonly MovedItem[]): Promise<void>
  /**
   * Erases items of this owner that were committed before the call; when it resolves, what they held is overwritten on the disk.
   * The other side's copy of a shared item stays. When it rejects, some of it may be done.
   */
  purge(owner: JID, query?: PurgeQuery): Promise<void>
  /**
   * Retention: erases what was archived before this time (ms since 1970) by all owners, or by those of one domain. Months (UTC) of which
   * nothing stays go as a whole. When it rejects, some of it may be done.
   */
  expire(before: number, domain?: string): Promise<void>
}
