import { JID } from '../xml/jid.ts'
import { checkIds, checkKey, checkLimit, checkPayload, MAX_PAGE_ROWS } from './checks.ts'
import type { Engine, HistoryQuery, MovedRow } from './engine.ts'
import { PendingAppend, PendingWrite } from './pending-write.ts'
import {
  type Append,
  type Archive,
  type ArchiveEntry,
  type ArchiveItem,
  type ArchivePage,
  type ArchiveQuery,
  type MovedItem,
  type PurgeQuery,
  type Storage,
  StorageError,
  type Write,
} from './types.ts'

/** An archive. */
export class FrontArchive implements Archive {
  readonly #name: string
  readonly #engine: () => Engine
  readonly #storage: Storage

  constructor(name: string, engine: () => Engine, storage: Storage) {
    this.#name = name
    this.#engine = engine
    this.#storage = storage
  }

  append(owner: JID, item: ArchiveItem): Append {
    const { peer, payload, unread = false, counted = 'peer', unique } = item
    const unless = unique === undefined ? [] : (unique.unless ?? [unique.key])
    return new PendingAppend(this.#storage, owner, text => {
      checkPayload(payload)
      if (unique !== undefined) for (const key of [unique.key, ...unless]) checkKey(key)
      // One literal: this runs twice for a message, and a copy of half of it would double what that costs.
      return {
        kind: 'append',
        archive: this.#name,
        owner: text,
        peer: peer.toString(),
        payload,
        unread,
        counted,
        key: unique?.key,
        unless,
      }
    })
  }

  replace(owner: JID, id: bigint, payload: Uint8Array): Write {
    return new PendingWrite(this.#storage, owner, text => {
      checkPayload(payload)
      return { kind: 'replace', archive: this.#name, owner: text, id, payload }
    })
  }

  async page(owner: JID, query: ArchiveQuery = {}): Promise<ArchivePage> {
    checkIds(query.ids)
    const { peer, ...rest } = query
    const limit = checkLimit(query.limit, 0)
    const asked: HistoryQuery = { ...rest, limit, ...(peer && subject(peer)) }
    const page = await this.#engine().history(this.#name, owner.bare.toString(), asked)
    const items = page.items.map((row): ArchiveEntry => ({ ...row, peer: JID.parse(row.peer) }))
    return { ...page, items }
  }

  async restore(owner: JID, items: readonly MovedItem[]): Promise<void> {
    if (items.length > MAX_PAGE_ROWS)
      throw new StorageError('invalid', `more than ${MAX_PAGE_ROWS} items at once`)
    const engine = this.#engine()
    if (engine.restore === undefined)
      throw new StorageError('invalid', 'this storage cannot take archived items of another one yet')
    const rows = items.map(({ id, time, peer, payload, sequence, unread, counted = 'peer' }): MovedRow => {
      checkPayload(payload)
      return { id, time, peer: peer.toString(), payload, sequence, unread, counted }
    })
    if (rows.length > 0) await engine.restore(this.#name, owner.bare.toString(), rows)
  }

  async purge(owner: JID, query: PurgeQuery = {}): Promise<void> {
    checkIds(query.ids)
    await this.#engine().purge(this.#name, owner.bare.toString(), query)
  }

  async expire(before: number, domain?: string): Promise<void> {
    await this.#engine().expire(this.#name, before, domain)
  }
}

/** XEP-0313 §4.1.1: a bare address matches whatever resource it has, a full one only itself. */
function subject(peer: JID): Pick<HistoryQuery, 'peer' | 'resource'> {
  const bare = peer.bare.toString()
  return peer.resource === '' ? { peer: bare } : { peer: bare, resource: peer.resource }
}
