/** A storage that another process has (ARCHITECTURE §9): several processes of one machine share SQLite, or memory. */
import { storageOf } from '../front.ts'
import type { Storage, WallClock } from '../types.ts'
import { SharedEngine, SharedEphemeral } from './engine.ts'
import { type LinkOptions, StorageLink } from './link.ts'

/** How to reach the storage process. */
export interface SharedOptions extends LinkOptions {
  readonly clock: WallClock
}

/** A storage of another process, and a way to talk with whoever has that. */
export interface SharedStorage {
  readonly storage: Storage
  /** Tells whoever has the storage process, in order with what is asked of the storage. */
  tell(text: string): void
}

/** Connects. Rejects as `unavailable` when nobody is there. */
export async function connectStorage(options: SharedOptions): Promise<SharedStorage> {
  const link = new StorageLink(options)
  const kinds = await link.call('hello')
  const storage = storageOf(new SharedEngine(link, kinds), new SharedEphemeral(link), options.clock)
  return { storage, tell: text => link.tell(text) }
}
