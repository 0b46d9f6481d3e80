import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { archivedStanza } from '../../core/pages.ts'
import type { ArchiveEntry, Table } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'

/** The `id` that the sender gave a message, and its number in his archive as text. */
type Erased = readonly [id: string, number: string]

/** Of one conversation; a mark that moves to a newer message covers the older ones. */
const MOST = 100
/** How long they are remembered, in ms. */
const REMEMBERED_MS = 30 * 24 * 60 * 60 * 1_000

/**
 * Where archives are erased once all devices of their owner have everything, a message may go before it is delivered or read. Its ids are
 * remembered for a while, and nothing else, so that receipts and markers find it.
 */
export class ErasedMessages {
  readonly #host: Host
  readonly #table: Table<readonly Erased[]>

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<readonly Erased[]>('status-erased', 'lww')
  }

  /** These are going to be erased; `after` tells up to where somebody has read what the owner wrote. */
  async remember(
    owner: JID,
    entries: readonly ArchiveEntry[],
    after: (peer: string) => Promise<bigint>,
  ): Promise<void> {
    for (const [peer, own] of writtenIn(owner, entries)) {
      const read = await after(peer)
      const all = [...((await this.#table.get(owner, peer)) ?? []), ...own]
      const left = all.filter(([, number]) => BigInt(number) > read).slice(-MOST)
      const write = left.length > 0 ? this.#table.put(owner, peer, left, REMEMBERED_MS) : undefined
      await commit(this.#host.storage, [write ?? this.#table.delete(owner, peer)], this.#host.log)
    }
  }

  /** The newest of these messages that the owner has written to `peer`, of those after `known`. */
  async newest(
    owner: JID,
    peer: string,
    ids: ReadonlySet<string>,
    known: bigint,
  ): Promise<bigint | undefined> {
    const all = await this.#table.get(owner, peer)
    const found = all?.findLast(([id, number]) => ids.has(id) && BigInt(number) > known)
    return found && BigInt(found[1])
  }
}

/** What the owner has written, by whom it is for. */
function writtenIn(owner: JID, entries: readonly ArchiveEntry[]): Map<string, Erased[]> {
  const byPeer = new Map<string, Erased[]>()
  for (const entry of entries) {
    const { id: number, peer } = entry
    const { id, from } = archivedStanza(entry)
    if (id === undefined || !from.bare.equals(owner)) continue
    const key = peer.bare.toString()
    byPeer.set(key, [...(byPeer.get(key) ?? []), [id, String(number)]])
  }
  return byPeer
}
