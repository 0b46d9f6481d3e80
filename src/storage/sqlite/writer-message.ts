/** What the writer thread and its owner say to each other. */
import type { MovedRow } from '../engine.ts'
import type { TableKind } from '../types.ts'
import type { Synchronous } from './database.ts'
import type { PlainError } from './errors.ts'
import type { GroupMessage } from './group-message.ts'
import type { PackedOutcomes } from './group-outcomes.ts'
import type { FromReader, RowRequest } from './reader-message.ts'

/** What the thread is started with. */
export interface WriterData {
  readonly folder: string
  readonly synchronous: Synchronous
}

/** Work beside commits. It concerns what was sent before it. */
export type WriterJob =
  | {
      readonly task: 'purge'
      readonly archive: string
      readonly owner: string
      /** Only items archived before this time, ms since 1970. */
      readonly before: number | undefined
      readonly upTo: bigint | undefined
      readonly ids: readonly bigint[] | undefined
    }
  | {
      readonly task: 'expire'
      readonly archive: string
      readonly before: number
      readonly domain: string | undefined
    }
  /** Items of an owner from another storage; see `Archive.restore`. */
  | {
      readonly task: 'restore'
      readonly archive: string
      readonly owner: string
      readonly rows: readonly MovedRow[]
      /** The wall clock, ms since 1970. */
      readonly now: number
    }
  | { readonly task: 'forget'; readonly owner: string }
  /** Index everything; remove rows and keys that have expired by now (ms since 1970); overwrite what was replaced. */
  | { readonly task: 'settle'; readonly now: number }

/** To the writer. After `close` nothing comes any more. */
export type ToWriter =
  | GroupMessage
  | { readonly kind: 'job'; readonly number: number; readonly job: WriterJob }
  /** Questions, while there are too few for a thread of their own. */
  | { readonly kind: 'read'; readonly requests: readonly RowRequest[] }
  | { readonly kind: 'close' }

/** A table that is stored in the database. */
export interface StoredTable {
  readonly name: string
  readonly kind: TableKind
}

/** From the writer. */
export type FromWriter =
  /** The database is open. */
  | { readonly kind: 'ready'; readonly tables: readonly StoredTable[] }
  /** It could not be opened; the thread ends. */
  | { readonly kind: 'failed'; readonly error: PlainError }
  /** The group is stored; one outcome per commit. Groups are answered in their order. */
  | { readonly kind: 'group'; readonly outcomes: PackedOutcomes }
  | { readonly kind: 'job'; readonly number: number; readonly error: PlainError | undefined }
  | { readonly kind: 'answers'; readonly answers: FromReader }
  /** Something failed in the background that will be tried again. */
  | { readonly kind: 'problem'; readonly error: PlainError }
