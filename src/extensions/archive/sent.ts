import { archivedStanza, archivePages } from '../../core/pages.ts'
import type { SentMessage } from '../../core/recollection.ts'
import type { Archive } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'

/** Items of a page, and how many are looked at: the newest ones. */
const PAGE = 100
const MOST = 1_000

/** What an account has sent since then (ms since 1970), newest first; the last messages, if it is a lot. */
export async function sentBy(archive: Archive, account: JID, since: number): Promise<SentMessage[]> {
  const sent: SentMessage[] = []
  let looked = 0
  for await (const items of archivePages(archive, account, { start: since, reverse: true, limit: PAGE })) {
    for (const entry of items) {
      const message = archivedStanza(entry)
      if (message.from.bare.equals(account)) sent.push({ message, at: entry.time })
    }
    looked += PAGE
    if (looked >= MOST) break
  }
  return sent
}
