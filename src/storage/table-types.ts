/** Tables: rows by owner and key. What every back end offers of them is in `types.ts`. */
import type { JID } from '../xml/jid.ts'

/**
 * Something to be stored, made by a table or an archive and given to `commit` of the same storage, once.
 * Making one stores nothing. The item is copied when the write is made.
 */
export interface Write {
  /** Whose data it is, as a bare JID. */
  readonly owner: JID
}

/** One row of a table. */
export interface Entry<T> {
  readonly key: string
  readonly item: T
  /** When the row goes by itself (ms since 1970), where the back end tells. */
  readonly expires?: number
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

/** How far something has come. */
export interface Mark {
  /** From 0 to 2^63 - 1: the id of an archived item, or a count. */
  readonly value: bigint
  /** When it came there, ms since 1970. */
  readonly time: number
}

/** A table of kind `mark`: rows only move forward. */
export interface MarkTable extends ReadableTable<Mark> {
  /** Moves a mark forward. A mark that has come as far or further stays as it is, with its time. */
  raise(owner: JID, key: string, mark: Mark): Write
  /** Removes those of these rows that are there. */
  delete(owner: JID, ...keys: string[]): Write
}

/** Who may change a row how: the last write wins, compare-and-set, or forward only. A table is one of them for ever. */
export type TableKind = 'lww' | 'cas' | 'mark'
