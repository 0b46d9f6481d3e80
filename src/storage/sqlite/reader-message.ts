/** What the reader thread and its owner say to each other. */
import type { HistoryQuery } from '../engine.ts'
import type { KeyRange } from '../types.ts'
import type { PlainError } from './errors.ts'

/** What the thread is started with. */
export interface ReaderData {
  readonly folder: string
}

/** What can be read, and what the answer is. `now` is the wall clock, ms since 1970. */
export interface Reads {
  get: {
    ask: { readonly table: string; readonly owner: string; readonly key: string; readonly now: number }
    answer: string | undefined
  }
  page: {
    ask: {
      readonly table: string
      readonly owner: string
      readonly range: KeyRange
      readonly limit: number
      readonly now: number
    }
    answer: PackedRows
  }
  owners: {
    ask: {
      readonly table: string
      readonly after: string | undefined
      readonly limit: number
      readonly now: number
    }
    answer: readonly string[]
  }
  history: {
    ask: { readonly archive: string; readonly owner: string; readonly query: HistoryQuery }
    answer: PackedHistory
  }
}

/** A page of a table. Flat arrays cost half of what an object per row does to hand over. */
export interface PackedRows {
  readonly keys: readonly string[]
  readonly jsons: readonly string[]
  /** When each goes by itself, ms since 1970. */
  readonly expiries: readonly (number | null)[]
  readonly more: boolean
}

/** Numbers in a `PackedHistory` for each item: id, sequence, unread, bytes of the payload, place of the peer among `peers`. */
export const ITEM_NUMBERS = 5

/** A page of an archive: flat, since an object an item costs the most of all that a page does to hand over. */
export interface PackedHistory {
  /** ITEM_NUMBERS an item. */
  readonly numbers: readonly number[]
  readonly peers: readonly string[]
  readonly more: boolean
  readonly total: number | undefined
  /** All payloads, joined. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** One question. */
export type Request = {
  [K in keyof Reads]: { readonly number: number; readonly read: K; readonly ask: Reads[K]['ask'] }
}[keyof Reads]

/** A question that takes no longer than a few rows do. */
export type RowRequest = Exclude<Request, { read: 'history' }>

/** What became of one question. */
export interface Answer {
  readonly number: number
  readonly answer?: Reads[keyof Reads]['answer']
  readonly error?: PlainError
}

/** To the reader: the questions of one tick. After `close` nothing comes any more. */
export type ToReader = readonly Request[] | 'close'

/** From the reader: some answers, not always in the order of the questions. */
export type FromReader = readonly Answer[]
