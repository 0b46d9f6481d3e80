/** The devices of an account as its owner, or an operator, sees them; and how one of them is removed. */
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { PublishedNodes } from '../pubsub/index.ts'
import type { DeviceLine, PerKind } from './keys.ts'
import { editsWithout, listed } from './omemo-lists.ts'
import { isThere, KeyStore, type RemovedRow } from './store.ts'

/** Removed devices whose greatest numbers are kept one by one. */
const REMOVED = 100

/** To be used in the owner's lane only, at the owner's home; or where no server runs. */
export class Devices {
  readonly #host: Pick<Host, 'storage' | 'clock' | 'log'>
  readonly #store: KeyStore
  readonly #published: PublishedNodes | undefined

  constructor(host: Pick<Host, 'storage' | 'clock' | 'log'>, published: PublishedNodes | undefined) {
    this.#host = host
    this.#store = new KeyStore(host.storage)
    this.#published = published
  }

  /** All of them, by their numbers. */
  async list(owner: JID): Promise<readonly DeviceLine[]> {
    const rows = [...(await this.#store.devices(owner))]
    const omemo = await this.#listed(owner)
    const found = new Map<number, DeviceLine>()
    for (const device of omemo) found.set(device, { device, omemo: true })
    for (const [device, row] of rows) {
      if (!isThere(row)) continue
      const { left, added, changed } = row
      found.set(device, { device, keys: { left, added, changed }, omemo: omemo.has(device) })
    }
    return [...found.values()].sort((one, other) => one.device - other.device)
  }

  /**
   * Takes a device away, its keys, and its places in the lists of OMEMO, all in one commit. False: there is none. Rejects with a StanzaError.
   */
  async remove(owner: JID, device: number): Promise<boolean> {
    const row = await this.#store.device(owner, device)
    const there = isThere(row)
    if (!there && !(await this.#listed(owner)).has(device)) return false
    const writes = there ? await this.#departure(owner, device, row.greatest) : []
    if (this.#published === undefined) await commit(this.#host.storage, writes, this.#host.log)
    else await this.#published.edit(owner, await editsWithout(this.#published, owner, device), writes)
    return true
  }

  #listed(owner: JID): Promise<Set<number>> | Set<number> {
    return this.#published === undefined ? new Set() : listed(this.#published, owner)
  }

  async #departure(owner: JID, device: number, greatest: PerKind<number>): Promise<Write[]> {
    const stock = [
      ...(await this.#store.stock(owner, device, 'oneTime')),
      ...(await this.#store.stock(owner, device, 'kyber')),
    ]
    return [
      ...this.#store.deleteKeys(
        owner,
        stock.map(({ row }) => row),
      ),
      this.#store.putDevice(owner, device, { removed: this.#host.clock.now(), greatest }),
      ...(await this.#merging(owner)),
    ]
  }

  /** Of the one that was removed first, where there are many, no more is known than that all that is new begins behind it. */
  async #merging(owner: JID): Promise<Write[]> {
    const removed = [...(await this.#store.devices(owner))]
      .filter((entry): entry is [number, RemovedRow] => !isThere(entry[1]))
      .sort(([, one], [, other]) => one.removed - other.removed)
    const [first] = removed
    if (first === undefined || removed.length < REMOVED) return []
    const [device, { greatest }] = first
    const account = await this.#store.account(owner)
    const floor = {
      oneTime: Math.max(account.floor.oneTime, greatest.oneTime),
      kyber: Math.max(account.floor.kyber, greatest.kyber),
    }
    return [this.#store.putAccount(owner, { ...account, floor }), this.#store.deleteDevice(owner, device)]
  }
}
