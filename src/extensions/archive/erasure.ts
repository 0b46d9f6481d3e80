import type { Timer } from '../../core/clock.ts'
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { archivePages } from '../../core/pages.ts'
import type { Archive } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Devices } from './devices.ts'

/** How long after the first news accounts are looked at, in ms: erasing costs as much for many messages as for one. */
const SOON_MS = 10_000
/** How often all accounts are looked at, in ms: for those whose devices do not return, and what a crash has left. */
const ROUND_MS = 60 * 60 * 1_000
/** Accounts looked at at a time. */
const AT_ONCE = 20
const PAGE = 200

/**
 * Erases what all devices of an account have, from the oldest on: XEP-0313 §3.2, no hole comes about. Once for all accounts of which there
 * is news, and now and then for all; at the home of each.
 */
export class Erasure {
  readonly #host: Host
  readonly #archive: Archive
  readonly #devices: Devices
  /** How long a device that does not return is waited for, in ms. */
  readonly #patience: number
  #news = new Map<string, JID>()
  #soon: Timer | undefined
  #round: Timer

  constructor(host: Host, archive: Archive, devices: Devices, patience: number) {
    this.#host = host
    this.#archive = archive
    this.#devices = devices
    this.#patience = patience
    this.#round = host.clock.after(ROUND_MS, () => this.#begin())
  }

  /** There is news of an account. */
  touch(owner: JID): void {
    this.#news.set(owner.toString(), owner)
    this.#soon ??= this.#host.clock.after(SOON_MS, () => {
      const all = [...this.#news.values()]
      this.#news = new Map()
      this.#soon = undefined
      this.#host.background.run('archive', this.#tidyAll(all))
    })
  }

  /** Accounts of which there is news. */
  get news(): Iterable<string> {
    return this.#news.keys()
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const owner of [...this.#news.keys()]) if (which(owner)) this.#news.delete(owner)
  }

  stop(): void {
    this.#soon?.cancel()
    this.#round.cancel()
  }

  #begin(): void {
    this.#host.background.run('archive', this.#everybody())
    this.#round = this.#host.clock.after(ROUND_MS, () => this.#begin())
  }

  async #everybody(): Promise<void> {
    for await (const owners of this.#devices.owners()) await this.#tidyAll(owners)
  }

  async #tidyAll(owners: readonly JID[]): Promise<void> {
    const erasures: Promise<void>[] = []
    const tidy = (owner: JID) =>
      this.#attempt(async () => {
        const upTo = await this.#reviewed(owner)
        // The storage does them one after the other, and then once what they all need.
        if (upTo > 0n && (await this.#announced(owner, upTo)))
          erasures.push(this.#attempt(() => this.#archive.purge(owner, { upTo })))
      })
    for (let i = 0; i < owners.length; i += AT_ONCE) await Promise.all(owners.slice(i, i + AT_ONCE).map(tidy))
    await Promise.all(erasures)
  }

  /** What fails is tried again in the next round, and holds up nothing else. */
  async #attempt(task: () => Promise<void>): Promise<void> {
    await task().catch((err: unknown) =>
      this.#host.log.error({ code: 'TIDINGS_ERASING_FAILED', err }, 'delivered messages could not be erased'),
    )
  }

  /** Up to where all devices of an account have everything, which is stored by now; 0 where none is known. */
  async #reviewed(owner: JID): Promise<bigint> {
    const all = await this.#devices.of(owner)
    for (const [name, device] of all) await this.#devices.advance(owner, name, device)
    return this.#host.router.homes.inLane(owner, async ({ forgotten }) => {
      if (forgotten) return 0n
      const writes = this.#devices.review(owner, all, this.#host.clock.now() - this.#patience)
      // Before anything is erased: after a crash nobody waits for what is there no more.
      await commit(this.#host.storage, writes, this.#host.log)
      return leastOf(all.values().map(({ has }) => has))
    })
  }

  /** Tells who wants to know what is going to be erased; whether there is anything. */
  async #announced(owner: JID, upTo: bigint): Promise<boolean> {
    let any = false
    for await (const entries of archivePages(this.#archive, owner, { before: upTo + 1n, limit: PAGE })) {
      if (entries.length === 0) continue
      any = true
      await this.#host.hooks.emit('archive:erasing', { owner, entries })
    }
    return any
  }
}

function leastOf(numbers: Iterable<bigint>): bigint {
  let least: bigint | undefined
  for (const number of numbers) if (least === undefined || number < least) least = number
  return least ?? 0n
}
