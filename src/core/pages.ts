import type { Archive, ArchiveEntry, ArchiveQuery, Entry, Page, ReadableTable } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'

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

/** How many of the newest items of a conversation are looked through. */
const LOOKED_THROUGH = 2_000
const PAGE = 200

/** The newest item of an owner's archive that matches and fits, among the newest 2,000 that match: archives know no ids of senders. */
export async function findNewest(
  archive: Archive,
  owner: JID,
  query: ArchiveQuery,
  fits: (entry: ArchiveEntry) => boolean,
): Promise<ArchiveEntry | undefined> {
  let before: bigint | undefined
  for (let seen = 0; seen < LOOKED_THROUGH; seen += PAGE) {
    const place = before === undefined ? {} : { before }
    const { items, more } = await archive.page(owner, { ...query, ...place, reverse: true, limit: PAGE })
    const found = items.find(fits)
    if (found !== undefined) return found
    before = items.at(-1)?.id
    if (!more || before === undefined) return undefined
  }
  return undefined
}
