/**
 * What a client asks the storage process, and what that answers. Everything a client says begins with a number and what it asks for; an
 * answer with the number and its outcome. Number 0 is given to what nobody answers.
 */
import type { Engine, MovedRow } from '../engine.ts'
import type { PurgeQuery, TableKind } from '../types.ts'

/** What is asked for. */
export const ASK = {
  /** A commit (commit-cells.ts). Answer: what became of it. */
  commit: 0,
  /** Table, owner, key, expected, json. Answer: 1 or 0. */
  swap: 1,
  /** Table, owner, key. Answer: a text or null. */
  get: 2,
  /** Table, owner, limit, range (plain.ts). Answer: rows (page-cells.ts). */
  page: 3,
  /** Archive, owner, query (plain.ts). Answer: a page of an archive. */
  history: 4,
  /** Key, limit, ms: of `Ephemeral`. Answer: 1 or 0. */
  take: 5,
  /** A name of `Calls` and its arguments (plain.ts). Answer: its value likewise. */
  call: 6,
  /** A text for whoever has the storage process, in order with the rest. No answer. */
  tell: 7,
} as const

/** What an answer begins with after its number; or, without a number, what the storage process says by itself. */
export const SAYS = {
  done: 0,
  /** Code and text of a StorageError. */
  failed: 1,
  /** 1: there is no room for more commits now; 0: there is again. */
  pressure: 2,
  /** A text from whoever has the storage process. */
  tell: 3,
} as const

/** The rarer questions: arguments and answers. */
export interface Calls {
  /** The first one. Answer: the tables that are known. */
  hello: { readonly ask: readonly []; readonly answer: Readonly<Record<string, TableKind>> }
  define: { readonly ask: readonly [table: string, kind: TableKind]; readonly answer: null }
  owners: { readonly ask: Parameters<Engine['owners']>; readonly answer: readonly string[] }
  purge: { readonly ask: [archive: string, owner: string, query: PurgeQuery]; readonly answer: null }
  restore: {
    readonly ask: [archive: string, owner: string, rows: readonly MovedRow[]]
    readonly answer: null
  }
  expire: { readonly ask: Parameters<Engine['expire']>; readonly answer: null }
  forget: { readonly ask: Parameters<Engine['forget']>; readonly answer: null }
  backup: { readonly ask: Parameters<Engine['backup']>; readonly answer: null }
  verify: { readonly ask: readonly []; readonly answer: readonly string[] }
  settled: { readonly ask: readonly []; readonly answer: null }
  setValues: {
    readonly ask: readonly [values: readonly (readonly [key: string, value: string])[], ttlMs: number]
    readonly answer: null
  }
  getValue: { readonly ask: readonly [key: string]; readonly answer: string | null }
}
