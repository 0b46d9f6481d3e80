/**
 * What every back end offers: tables, archives and short-lived values, all partitioned by owner (ARCHITECTURE §5).
 * Nothing here says how it is stored; `test/storage/contract.ts` says how it behaves.
 *
 * An owner is a bare JID. Where a full JID is given, its bare JID counts.
 */
import type { JID } from '../xml/jid.ts'
import type { Archive } from './archive-types.ts'
import type { CasTable, MarkTable, Table, TableKind, Write } from './table-types.ts'

export type * from './archive-types.ts'
export type * from './table-types.ts'

/** Stable names of everything that can go wrong in a storage; operators and the error table rely on them. */
export type StorageErrorCode =
  /** Another process holds the data. */
  | 'in-use'
  /** The data was written by a newer version of the program. */
  | 'newer-schema'
  /** The data has not been brought to the form that this version of the program needs. */
  | 'older-schema'
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

/** Values that need not outlive a restart, shared by all nodes. Not partitioned by owner. */
export interface Ephemeral {
  /** Whether what is kept is there for other processes when this one has died. */
  readonly lasting: boolean
  /** Token bucket: takes one of `limit` tokens, which come back evenly over `perMs` ms. False when none is left. */
  take(key: string, limit: number, perMs: number): Promise<boolean>
  /** Keeps values, by their keys. Many at once cost little more than one. When it rejects, some of them may be kept. */
  set(values: ReadonlyMap<string, string>, ttlMs: number): Promise<void>
  get(key: string): Promise<string | undefined>
  /** Lets go of what it is kept in. Called with the storage that has it. */
  close?(): void
}

/**
 * Keeps a former home from writing (ARCHITECTURE §9), where several processes write to one storage. Each slot of owners has an epoch, which
 * goes up with each process that takes it. What is written for an owner of a slot that this process does not hold is refused as `unavailable`.
 */
export interface Fence {
  /**
   * Takes slots: raises their epochs by compare-and-set. To be called only after the lease of the former home and the time-out of its
   * writes have run out. Rejects when storage does not answer; then some may be taken, and none may be written to.
   */
  take(slots: readonly number[]): Promise<void>
  /**
   * Until when (`performance.now()`, ms) this process may write for the owners of these slots; a moment that has passed gives them up.
   * No write is sent whose time-out would end after it.
   */
  extend(slots: readonly number[], until: number): void
}

/** One back end, opened. */
export interface Storage {
  /** Undefined where one process alone has the storage. */
  readonly fence: Fence | undefined
  /** A table by name. The same name always has the same kind; another one throws. */
  table<T>(name: string, kind: 'lww'): Table<T>
  table<T>(name: string, kind: 'cas'): CasTable<T>
  table(name: string, kind: 'mark'): MarkTable
  archive(name: string): Archive
  /** The tables that are known, with their kinds: those that this process has asked for, and where kinds are stored all others. */
  tables(): ReadonlyMap<string, TableKind>
  readonly ephemeral: Ephemeral
  /**
   * Stores all of the writes or, when it rejects (with a StorageError), none of them. Atomic per owner; all owners together where the back end can.
   * (One whose item turns out to be a repeated one, see `Unique`, resolves and stores none.) Resolves when they are safe against a power cut, and in the order of the calls for each owner. A commit that cannot be stored fails alone.
   * What was refused as `unavailable` is not to be seen, but if the machine dies before anything else is stored, it may be there after all;
   * with a service behind the storage, rows of tables may be there in any case.
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
