import { JID } from '../xml/jid.ts'
import { checkIds, checkLimit, checkPayload } from './checks.ts'
import type { Engine, HistoryQuery } from './engine.ts'
import { PendingAppend } from './pending-write.ts'
import type {
  Append,
  Archive,
  ArchiveEntry,
  ArchiveItem,
  ArchivePage,
  ArchiveQuery,
  PurgeQuery,
  Storage,
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
    const { peer, payload } = item
    return new PendingAppend(this.#storage, owner, text => {
      checkPayload(payload)
      return { kind: 'append', archive: this.#name, owner: text, peer: peer.toString(), payload }
    })
  }

  async page(owner: JID, query: ArchiveQuery = {}): Promise<ArchivePage> {
    checkIds(query.ids)
    const { peer, ...rest } = query
    const limit = checkLimit(query.limit, 0)
    const asked: HistoryQuery = { ...rest, limit, ...(peer && { peer: peer.toString() }) }
    const page = await this.#engine().history(this.#name, owner.bare.toString(), asked)
    const items = page.items.map((row): ArchiveEntry => ({ ...row, peer: JID.parse(row.peer) }))
    return { ...page, items }
  }

  async purge(owner: JID, query: PurgeQuery = {}): Promise<void> {
    checkIds(query.ids)
    await this.#engine().purge(this.#name, owner.bare.toString(), query)
  }

  async expire(before: number): Promise<void> {
    await this.#engine().expire(this.#name, before)
  }
}
