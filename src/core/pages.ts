import type {
  Archive,
  ArchiveEntry,
  ArchiveQuery,
  Entry,
  KeyRange,
  Page,
  ReadableTable,
} from '../storage/types.ts'
import { escapeValue } from '../xml/escape.ts'
import type { JID } from '../xml/jid.ts'
import { Stanza } from '../xml/stanza.ts'
import type { Host } from './host.ts'

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
export function rowsOf<T>(table: ReadableTable<T>, owner: JID, limit?: number): Promise<readonly Entry<T>[]> {
  return allRows(table, owner, {}, limit)
}

/** The same of those whose keys start so. */
export function rowsWith<T>(
  table: ReadableTable<T>,
  owner: JID,
  prefix: string,
): Promise<readonly Entry<T>[]> {
  return allRows(table, owner, { prefix })
}

async function allRows<T>(
  table: ReadableTable<T>,
  owner: JID,
  range: KeyRange,
  limit?: number,
): Promise<readonly Entry<T>[]> {
  const first = await table.page(owner, range, limit)
  if (!first.more) return first.items
  const rows: Entry<T>[] = []
  for (let page = first; ; ) {
    rows.push(...page.items)
    const after = page.items.at(-1)?.key
    if (!page.more || after === undefined) return rows
    page = await table.page(owner, { ...range, after }, limit)
  }
}

/** All items of an owner's archive that match, in the order asked for, page by page. What is behind a page is read when it is asked for. */
export async function* archivePages(
  archive: Archive,
  owner: JID,
  query: ArchiveQuery,
): AsyncGenerator<readonly ArchiveEntry[]> {
  const end = query.reverse ? 'before' : 'after'
  for (let place = query[end]; ; ) {
    const { items, more } = await archive.page(
      owner,
      place === undefined ? query : { ...query, [end]: place },
    )
    yield items
    place = items.at(-1)?.id
    if (!more || place === undefined) return
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
  for await (const items of archivePages(archive, owner, { ...query, reverse: true, limit })) {
    const found = items.find(fits)
    if (found !== undefined) return found
  }
  return undefined
}

/** The owners of rows of a table who belong to a host and whose home is this node, some at a time. */
export async function* ownersAtHome(
  { domain, router }: Host,
  table: Pick<ReadableTable<unknown>, 'owners'>,
): AsyncGenerator<readonly JID[]> {
  for (let after: JID | undefined; ; ) {
    const owners = await table.owners(after)
    after = owners.at(-1)
    if (after === undefined) return
    yield owners.filter(owner => owner.domain === domain && router.isHome(owner))
  }
}

/** The stanza that an archive holds. */
export function archivedStanza({ payload }: Pick<ArchiveEntry, 'payload'>): Stanza {
  return Stanza.unpack(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength))
}

/** What the archived form of a stanza with this `id` contains, for `containing`. So may others that name it. */
export function bytesOfId(id: string): Buffer {
  return Buffer.from(` id="${escapeValue(id)}"`)
}
