/** Everything of one owner as lines of JSON: what XEP-0227 has no form for. The first line says whose it is, the last one how much it was. */
import { archivePages, pagesOf } from '../../core/pages.ts'
import type { ArchiveEntry, ReadableTable, Storage, TableKind } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { ARCHIVES, BEGUN } from './types.ts'

/** A line. */
export type Line =
  | { readonly tidings: 1; readonly owner: string }
  | RowLine
  | ItemLine
  | { readonly end: { readonly rows: number; readonly items: number } }

/** A row of a table. */
export interface RowLine {
  readonly table: string
  readonly kind: TableKind
  readonly key: string
  readonly item: unknown
  /** When it goes by itself, ms since 1970. */
  readonly expires?: number
}

/** An archived item; `stanza` is its payload where that is text, else there are `bytes` in Base64. */
export interface ItemLine {
  readonly archive: string
  readonly id: string
  readonly time: number
  readonly peer: string
  readonly sequence: number
  readonly unread: number
  readonly stanza?: string
  readonly bytes?: string
}

const PAGE = 200

/** All that is kept of an owner, as lines. No more than a page of it is in memory. */
export async function* linesOf(storage: Storage, owner: JID): AsyncGenerator<string> {
  yield line({ tidings: 1, owner: owner.toString() })
  let rows = 0
  for (const [table, kind] of [...storage.tables()].sort()) {
    if (table === BEGUN.table) continue
    for await (const { items } of pagesOf(readable(storage, table, kind), owner, PAGE))
      for (const { key, item, expires } of items) {
        yield line({ table, kind, key, item: plain(item), ...(expires !== undefined && { expires }) })
        rows++
      }
  }
  let items = 0
  for (const archive of ARCHIVES)
    for await (const page of archivePages(storage.archive(archive), owner, { limit: PAGE }))
      for (const entry of page) {
        yield line(itemLine(archive, entry))
        items++
      }
  yield line({ end: { rows, items } })
}

/** Where the lines of JSON of whoever has this file of XEP-0227 are. */
export function linesBeside(file: string): string {
  return file.replace(/(\.xml)?$/, '.jsonl')
}

/** A table of whatever kind, to be read. */
export function readable(storage: Storage, table: string, kind: TableKind): ReadableTable<unknown> {
  if (kind === 'cas') return storage.table<unknown>(table, kind)
  return kind === 'mark' ? storage.table(table, kind) : storage.table<unknown>(table, kind)
}

/** An item as its line has it: marks have numbers that JSON has not. */
export function plain(item: unknown): unknown {
  const isMark =
    typeof item === 'object' && item !== null && 'value' in item && typeof item.value === 'bigint'
  return isMark ? { ...item, value: String(item.value) } : item
}

function itemLine(archive: string, { id, time, peer, payload, sequence, unread }: ArchiveEntry): ItemLine {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const stanza = bytes.toString()
  const known = { archive, id: String(id), time, peer: peer.toString(), sequence, unread }
  return Buffer.from(stanza).equals(bytes)
    ? { ...known, stanza }
    : { ...known, bytes: bytes.toString('base64') }
}

function line(value: Line): string {
  return `${JSON.stringify(value)}\n`
}
