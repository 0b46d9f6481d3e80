/**
 * What is left of a storage when addresses are texts and items are JSON: what a back end has to do itself.
 * `front.ts` makes a `Storage` of it, so that checks, copies and compare-and-set behave the same everywhere.
 * Arguments have been checked already.
 */
import type { ArchiveQuery, Fence, KeyRange, Page, PurgeQuery, TableKind } from './types.ts'

/** Part of a commit. */
export type Operation =
  | {
      readonly kind: 'put'
      readonly table: string
      readonly owner: string
      readonly key: string
      readonly json: string
      readonly expires: number | null
    }
  /** Stores `json`, the text of a mark (marks.ts), if it is further than what is there. */
  | {
      readonly kind: 'raise'
      readonly table: string
      readonly owner: string
      readonly key: string
      readonly json: string
    }
  | {
      readonly kind: 'delete'
      readonly of: 'lww' | 'mark'
      readonly table: string
      readonly owner: string
      readonly keys: readonly string[]
    }
  | {
      readonly kind: 'append'
      readonly archive: string
      readonly owner: string
      readonly peer: string
      readonly payload: Uint8Array
      readonly unread: boolean
      readonly counted: 'peer' | 'owner'
      /** See `Unique`. */
      readonly key: string | undefined
      readonly unless: readonly string[]
    }
  | {
      readonly kind: 'replace'
      readonly archive: string
      readonly owner: string
      readonly id: bigint
      readonly payload: Uint8Array
    }

/** A row of a table; `json` is the item. */
export interface Row {
  readonly key: string
  readonly json: string
  /** When the row goes by itself, ms since 1970. */
  readonly expires?: number
}

/** An archived item of one owner. */
export interface ArchivedRow {
  readonly id: bigint
  readonly time: number
  readonly peer: string
  readonly payload: Uint8Array
  readonly sequence: number
  readonly unread: number
}

/** An archived item that comes from another storage. */
export interface MovedRow extends ArchivedRow {
  readonly counted: 'peer' | 'owner'
}

/** What a commit gave an append. */
export type Given = Pick<ArchivedRow, 'id' | 'sequence' | 'unread'>

/** What became of a commit, and what its appends were given, in their order. */
export interface Committed {
  /** Whether nothing was stored, see `Unique`. */
  readonly repeated: boolean
  readonly given: readonly Given[]
}

/** `ArchiveQuery` with its defaults filled in and the address as text. */
export interface HistoryQuery extends Omit<ArchiveQuery, 'peer' | 'limit'> {
  /** A bare address. */
  readonly peer?: string
  /** Only this resource of the peer. */
  readonly resource?: string
  readonly limit: number
}

/** Items found, and how many match in all if that was asked for. */
export interface HistoryPage extends Page<ArchivedRow> {
  readonly total?: number
}

/** A back end. Everything rejects with a `StorageError`. */
export interface Engine {
  /** See `Storage`. */
  readonly fence?: Fence
  /** The tables that are known, where their kinds are stored. */
  readonly kinds?: ReadonlyMap<string, TableKind>
  /** Makes a table known. Throws when it is stored as another kind. */
  define(table: string, kind: TableKind): void
  /** Stores all or nothing, resolves when it is durable, in the order of the calls. */
  commit(operations: readonly Operation[]): Promise<Committed>
  /** Stores `json` (removes the row if `undefined`) if the row still is `expected`; whether it did. */
  swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean>
  get(table: string, owner: string, key: string): Promise<string | undefined>
  page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>>
  owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]>
  history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage>
  /** See `Archive.restore`. A back end without it takes no items of others. */
  restore?(archive: string, owner: string, rows: readonly MovedRow[]): Promise<void>
  purge(archive: string, owner: string, query: PurgeQuery): Promise<void>
  expire(archive: string, before: number, domain: string | undefined): Promise<void>
  forget(owner: string): Promise<void>
  pressure(): Promise<void> | undefined
  readonly waiting: number
  backup(folder: string): Promise<void>
  verify(): Promise<readonly string[]>
  settled(): Promise<void>
  close(): Promise<void>
}
