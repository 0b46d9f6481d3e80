import type { SentMessage } from '../../core/recollection.ts'
import type { Archive } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'

/** Items of a page, and how many are looked at: the newest ones. */
const PAGE = 100
const MOST = 1_000

/** What an account has sent since then (ms since 1970), newest first; the last messages, if it is a lot. */
export async function sentBy(archive: Archive, account: JID, since: number): Promise<SentMessage[]> {
  const sent: SentMessage[] = []
  let before: bigint | undefined
  for (let seen = 0; seen < MOST; seen += PAGE) {
    const place = before === undefined ? {} : { before }
    const { items, more } = await archive.page(account, {
      start: since,
      reverse: true,
      limit: PAGE,
      ...place,
    })
    for (const { payload, time } of items) {
      const message = Stanza.unpack(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength))
      if (message.from.bare.equals(account)) sent.push({ message, at: time })
    }
    before = items.at(-1)?.id
    if (!more) break
  }
  return sent
}
