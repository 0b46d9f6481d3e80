/**
 * What every back end offers: tables, archives and short-lived values, all partitioned by owner (ARCHITECTURE §5).
 * Nothing here says how it is stored; `test/storage/contract.ts` says how it behaves.
 *
 * An owner is a bare JID. Where a full JID is given, its bare JID counts.
 */
import type { JID } from '../xml/jid.ts'

/** Stable names of everything that can go wrong in a storage; operators and the error table rely on them. */
export type StorageErrorCode =
  /** Another process holds the data. */
  | 'in-use'
  /** The data was written by a newer version of the program. */
  | 'newer-schema'
  /** A key or an item is over its limit. Only the commit that holds it fails. */
  | 'too-large'
  /** A key, an item, a query or a write is not one this storage can take: a mistake of the caller. */
  | 'invalid'
  /** No space left where the data lies. */
  | 'full'
  /** More is waiting to be stored than the queue may hold. */
  | 'overloaded'
  /** The disk or the service behind the storage does not answer or reports an error. */
  | 'unavailable'
  /** The data is damaged. */
  | 'corrupt'
  /** The storage was closed. */
  | 'closed'

/** Thrown, or the reason of a rejection, whenever a storage cannot do what was asked. Its text never holds an item. */
export class StorageError extends Error {
  readonly code: StorageErrorCode

  constructor(code: StorageErrorCode, text: string, options?: { cause?: unknown }) {
    super(text, options)
    this.name = 'StorageError'
    this.code = code
  }

  /** Whether the same call may succeed a little later. */
  get retryable(): boolean {
    return this.code === 'full' || this.code === 'overloaded' || this.code === 'unavailable'
  }
}

/** The wall clock, in ms since 1970. `core/clock.ts` fits. */
export interface WallClock {
  now(): number
}

/**
 * Something to be stored, made by a table or an archive and given to `commit` of the same storage, once.
 * Making one stores nothing. The item is copied when the write is made.
 */
export interface Write {
  /** Whose data it is, as a bare JID. */
  readonly owner: JID
}

/** A write to an archive. */
export interface Append extends Write {
  /**
   * The id of the archived item: positive, below 2^63, greater than every id that this archive gave before.
   * Known when the commit has resolved; reading it earlier throws.
   */
  readonly id: bigint
}

/** One row of a table. */
export interface Entry<T> {
  readonly key: string
  readonly item: T
}

/** Part of an owner's rows. Keys are ordered by the bytes of their UTF-8 form (which is the order of code points). */
export interface KeyRange {
  /** Only keys greater than this one. */
  readonly after?: string
  /** Only keys less than this one. */
  readonly before?: string
  /** Only keys that start so. */
  readonly prefix?: string
  /** From the greatest key down. */
  readonly reverse?: boolean
}

/** Some rows, in the order asked for. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Whether the range holds more beyond the last one. A page of large items may be shorter than its limit. */
  readonly more: boolean
}

/** Rows by owner and key, to be read. Keys are well-formed strings of at most 1,024 bytes; items are JSON values of at most 8 MiB. */
export interface ReadableTable<T> {
  /** The item under this key. Whatever a resolved commit or update stored is seen. */
  get(owner: JID, key: string): Promise<T | undefined>
  /** The owner's rows in key order; `limit` is 100 by default, 1,000 at most. */
  page(owner: JID, range?: KeyRange, limit?: number): Promise<Page<Entry<T>>>
  /** The owners that have rows, ordered by the bytes of their address; `limit` is 100 by default, 1,000 at most. */
  owners(after?: JID, limit?: number): Promise<JID[]>
}

/** A table of kind `lww`: the last write wins. */
export interface Table<T> extends ReadableTable<T> {
  /** Stores an item under a key. With `ttl` (ms) the row is gone that long after the call. */
  put(owner: JID, key: string, item: T, ttl?: number): Write
  /** Removes those of these rows that are there. */
  delete(owner: JID, ...keys: string[]): Write
}

/** A table of kind `cas`: a row changes only by compare-and-set. */
export interface CasTable<T> extends ReadableTable<T> {
  /**
   * Replaces an item by what `change` makes of it (`undefined` for none: before, there was no row; after, the row is removed)
   * and resolves with the new item once that is durable. `change` is pure and synchronous and may be called again when a rival was faster.
   * When it returns its argument itself nothing is written; when it throws nothing is written and the update rejects with its error.
   */
  update(owner: JID, key: string, change: (item: T | undefined) => T | undefined): Promise<T | undefined>
}

/** Who may change a row how: the last write wins, or compare-and-set. A table is one or the other for ever. */
export type TableKind = 'lww' | 'cas'

/** What is archived. */
export interface ArchiveItem {
  /**
   * Whom the owner talked with: what `ArchiveQuery.peer` is compared with, as a whole. Whoever appends decides whether that is a bare JID.
   */
  readonly peer: JID
  /**
   * The stanza. Appends of one commit that share this very object (one stanza in the archives of both sides) are stored once
   * where the back end can, so hand over the same buffer, and do not change it afterwards. At most 8 MiB.
   */
  readonly payload: Uint8Array
}

/** Which items; all given conditions hold together. */
export interface ArchiveQuery {
  /** Only items with this peer. */
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
  /** From the newest down. */
  readonly reverse?: boolean
  /** 100 by default, 1,000 at most. 0 to count only. */
  readonly limit?: number
  /** Whether to count all items that match, `after`, `before` and `limit` aside. */
  readonly count?: boolean
}

/** One archived item as its owner sees it. */
export interface ArchiveEntry {
  readonly id: bigint
  /** When it was archived (ms since 1970). It never decreases with the id. */
  readonly time: number
  readonly peer: JID
  readonly payload: Uint8Array
}

/** Some archived items, in the order asked for. */
export interface ArchivePage extends Page<ArchiveEntry> {
  /** How many items match in all, if it was asked for. */
  readonly total?: number
}

/** Which items to erase; without a condition all. */
export interface PurgeQuery {
  /** Only items archived before this time (ms since 1970). */
  readonly before?: number
  /** Only these ids. */
  readonly ids?: readonly bigint[]
}

/** Stanzas in the order in which they were committed, by owner. */
export interface Archive {
  /** Adds an item at the end. Ids are given in commit order. */
  append(owner: JID, item: ArchiveItem): Append
  page(owner: JID, query?: ArchiveQuery): Promise<ArchivePage>
  /**
   * Erases items of this owner that were committed before the call; when it resolves, what they held is overwritten on the disk.
   * The other side's copy of a shared item stays. When it rejects, some of it may be done.
   */
  purge(owner: JID, query?: PurgeQuery): Promise<void>
  /** Retention: erases the months (UTC) that ended before this time (ms since 1970), of all owners. */
  expire(before: number): Promise<void>
}

/** Values that need not outlive a restart, shared by all nodes. Not partitioned by owner. */
export interface Ephemeral {
  /** Token bucket: takes one of `limit` tokens, which come back evenly over `perMs` ms. False when none is left. */
  take(key: string, limit: number, perMs: number): Promise<boolean>
  set(key: string, value: string, ttlMs: number): Promise<void>
  get(key: string): Promise<string | undefined>
}

/** One back end, opened. */
export interface Storage {
  /** A table by name. The same name always has the same kind; another one throws. */
  table<T>(name: string, kind: 'lww'): Table<T>
  table<T>(name: string, kind: 'cas'): CasTable<T>
  archive(name: string): Archive
  readonly ephemeral: Ephemeral
  /**
   * Stores all of the writes or, when it rejects (with a StorageError), none of them. Atomic per owner; all owners together where the back end can.
   * Resolves when they are safe against a power cut, and in the order of the calls. A commit that cannot be stored fails alone.
   * What was refused as `unavailable` is not to be seen, but if the machine dies before anything else is stored, it may be there after all.
   */
  commit(writes: readonly Write[]): Promise<void>
  /**
   * Back-pressure: `undefined` while there is room for more commits, else a promise of that moment.
   * Whoever takes in stanzas waits for it; commits that come all the same are refused as `overloaded` in the end.
   */
  pressure(): Promise<void> | undefined
  /** Commits that have been neither stored nor refused yet. */
  readonly waiting: number
  /**
   * Copies all that was committed before the call, and perhaps some of what comes meanwhile, into a folder, which is made; `restore` of the
   * same back end brings it back. No commit waits for it. Rejects as `invalid` where nothing is kept on a disk or a copy is there already.
   */
  backup(folder: string): Promise<void>
  /** Looks for damage in all that is stored; a line for each finding. No commit waits for it. */
  verify(): Promise<readonly string[]>
  /** Erases everything of an owner that was committed before the call, in all tables and archives. When it rejects, some of it may be done. */
  forget(owner: JID): Promise<void>
  /** Resolves when no work is left to do in the background (index, expired rows). For tests and before a backup. */
  settled(): Promise<void>
  /**
   * Stores what was committed, then lets go of everything. Calls made later reject as `closed`, and so do a `purge`, `expire` or `forget`
   * that has not finished: some of it may be done; call it again some day.
   */
  close(): Promise<void>
}
