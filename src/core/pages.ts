import type { Archive, ArchiveEntry, ArchiveQuery, Entry, Page, ReadableTable } from '../storage/types.ts'
import { escapeValue } from '../xml/escape.ts'
import type { JID } from '../xml/jid.ts'

const PAGE = 200

/** All rows of an owner in key order, page by page; `limit` as in `ReadableTable.page()`. What is behind a page is read when it is asked for. */
export async function* pagesOf<T>(
  table: ReadableTable<T>,
  owner: JID,
  limit?: number,
): AsyncGenerator<Page<Entry<T>>> {
  for (let after: string | undefined; ; ) {
    const page = await table.page(owner, after === undefined ? {} : { after }, limit)
    yield page
    after = page.items.at(-1)?.key
    if (!page.more || after === undefined) return
  }
}

/** All rows of an owner in key order, at once: for rows that are kept in memory anyway. Nearly always they are one page, and one question. */
export async function rowsOf<T>(
  table: ReadableTable<T>,
  owner: JID,
  limit?: number,
): Promise<readonly Entry<T>[]> {
  const first = await table.page(owner, {}, limit)
  if (!first.more) return first.items
  const rows: Entry<T>[] = []
  for (let page = first; ; ) {
    rows.push(...page.items)
    const after = page.items.at(-1)?.key
    if (!page.more || after === undefined) return rows
    page = await table.page(owner, { after }, limit)
  }
}

/** The newest item of an owner's archive that matches, and fits. Best with `containing`: else all are read. */
export async function findNewest(
  archive: Archive,
  owner: JID,
  query: ArchiveQuery,
  fits: (entry: ArchiveEntry) => boolean,
): Promise<ArchiveEntry | undefined> {
  const { limit = query.containing === undefined ? PAGE : 1 } = query
  for (let before = query.before; ; ) {
    const place = before === undefined ? {} : { before }
    const { items, more } = await archive.page(owner, { ...query, ...place, reverse: true, limit })
    const found = items.find(fits)
    if (found !== undefined) return found
    before = items.at(-1)?.id
    if (!more || before === undefined) return undefined
  }
}

/** What the archived form of a stanza with this `id` contains, for `containing`. So may others that name it. */
export function bytesOfId(id: string): Buffer {
  return Buffer.from(` id="${escapeValue(id)}"`)
}
