import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { archivedStanza, ownersAtHome, pagesOf } from '../../core/pages.ts'
import type { Archive, ArchiveEntry, Table, Write } from '../../storage/types.ts'
import { growingCache } from '../../xml/cache.ts'
import type { JID } from '../../xml/jid.ts'

/** A client that messages wait for. All bigints are numbers of archived messages. */
export interface Device {
  /** It has everything that it is to have up to here. */
  has: bigint
  /** Nothing was erased from here on that it had not; unknown as long as there was nothing. */
  from: bigint | undefined
  /** What it has beyond `has`. */
  readonly beyond: Set<bigint>
  /** Whether it asks its archive by itself; else it is handed what it lacks. */
  asks: boolean
  /** When it was here last, ms since 1970; of those that are here, some time ago. */
  seen: number
  /** Whether the storage knows less. */
  changed: boolean
}

/** The devices of an account, by their resource. */
export type DevicesOf = Map<string, Device>

/** A device as it is stored; numbers as text. */
interface Stored {
  readonly has: string
  readonly from?: string
  readonly asks: boolean
  readonly seen: number
}

/** The same for the next home. */
export interface PackedDevice extends Stored {
  readonly name: string
  readonly beyond: readonly string[]
  readonly changed: boolean
}

/** Of one account; of more, those that have been away longest are not waited for. A client that calls itself another name each time makes many. */
const MOST_DEVICES = 100
/** Numbers beyond the mark of one device. What comes after has to be fetched again. */
const MOST_BEYOND = 10_000
/** Accounts whose devices are in memory. */
const REMEMBERED = 100_000
const PAGE = 100
/** How old `seen` may be of a device that is here, in ms. */
const SEEN_MS = 24 * 60 * 60 * 1_000

/** Knows the devices of the accounts whose home is this node, and what of their archives each of them has. */
export class Devices {
  readonly #host: Host
  readonly #archive: Archive
  readonly #table: Table<Stored>
  readonly #accounts = growingCache<string, DevicesOf>(REMEMBERED)

  constructor(host: Host, archive: Archive) {
    this.#host = host
    this.#archive = archive
    this.#table = host.storage.table<Stored>('devices', 'lww')
  }

  /** Those of an account. */
  of(owner: JID): Maybe<DevicesOf> {
    return this.#accounts.get(owner.toString()) ?? this.#load(owner)
  }

  async #load(owner: JID): Promise<DevicesOf> {
    const stored: DevicesOf = new Map()
    for await (const { items } of pagesOf(this.#table, owner))
      for (const { key, item } of items) stored.set(key, restored(item))
    const known = this.#accounts.get(owner.toString())
    if (known === undefined) this.#accounts.set(owner.toString(), stored)
    return known ?? stored
  }

  /** The accounts of this host that have devices and whose home is this node, some at a time. */
  owners(): AsyncGenerator<readonly JID[]> {
    return ownersAtHome(this.#host, this.#table)
  }

  /** A client shows that it acknowledges, or asks its archive: from now on messages wait for it. In the owner's lane. */
  async meet(owner: JID, name: string, asks: boolean): Promise<Device> {
    const all = await this.of(owner)
    const known = all.get(name)
    if (known !== undefined && (known.asks || !asks)) return known
    const device = known ?? (await this.#newcomer(owner, all))
    device.asks = asks
    // What the last sessions of an account acknowledge may come when it is no more.
    if (!(await this.#host.accounts.exists(owner))) return device
    const crowded = known === undefined && all.size >= MOST_DEVICES ? this.#longestAway(owner, all) : []
    for (const other of crowded) all.delete(other)
    all.set(name, device)
    const writes = [this.#write(owner, name, device), ...crowded.map(key => this.#table.delete(owner, key))]
    await commit(this.#host.storage, writes, this.#host.log)
    return device
  }

  /** The first device is to have all there is. What is there when another one comes, it may read; but nothing waits for that. */
  async #newcomer(owner: JID, others: DevicesOf): Promise<Device> {
    const page = others.size === 0 ? undefined : await this.#archive.page(owner, { reverse: true, limit: 1 })
    const newest = page?.items[0]?.id
    const now = this.#host.clock.now()
    return { has: newest ?? 0n, from: newest, beyond: new Set(), asks: false, seen: now, changed: true }
  }

  #longestAway(owner: JID, all: DevicesOf): string[] {
    const away = [...all].filter(([name]) => !this.#isHere(owner, name))
    const [first] = away.sort(([, one], [, other]) => one.seen - other.seen)
    return first === undefined ? [] : [first[0]]
  }

  #isHere(owner: JID, name: string): boolean {
    return this.#host.sessions(owner).some(({ jid }) => jid.resource === name)
  }

  /** A device has these. */
  prove(device: Device, numbers: readonly bigint[]): void {
    for (const number of numbers)
      if (number > device.has && device.beyond.size < MOST_BEYOND) device.beyond.add(number)
  }

  /** A device goes on behind this message, so it has what came before, or does not want it. */
  claim(device: Device, upTo: bigint): void {
    raise(device, upTo)
    for (const number of device.beyond) if (number <= device.has) device.beyond.delete(number)
  }

  /** Moves a device's mark over all that it has. */
  async advance(owner: JID, name: string, device: Device): Promise<void> {
    for (let more = true; more; ) {
      const page = await this.#archive.page(owner, { after: device.has, limit: PAGE })
      for (const entry of page.items) {
        // Who else is at it may have come further meanwhile.
        if (entry.id <= device.has) continue
        if (!device.beyond.delete(entry.id) && !isDispensable(entry, owner, name, device)) return
        raise(device, entry.id)
      }
      more = page.more
    }
  }

  /** A device leaves. */
  left(owner: JID, name: string): Maybe<void> {
    return then(this.of(owner), all => {
      const device = all.get(name)
      if (device === undefined) return
      device.seen = this.#host.clock.now()
      device.changed = true
    })
  }

  /** Gives up on those that have not been here since `oldest`, ms since 1970; what is to be stored of the account. In the owner's lane. */
  review(owner: JID, all: DevicesOf, oldest: number): Write[] {
    const writes: Write[] = []
    const now = this.#host.clock.now()
    for (const [name, device] of all) {
      if (this.#isHere(owner, name)) {
        if (device.seen < now - SEEN_MS) device.changed = true
        if (device.changed) device.seen = now
      } else if (device.seen < oldest) {
        all.delete(name)
        writes.push(this.#table.delete(owner, name))
        continue
      }
      if (device.changed) writes.push(this.#write(owner, name, device))
    }
    return writes
  }

  #write(owner: JID, name: string, device: Device): Write {
    device.changed = false
    return this.#table.put(owner, name, stored(device))
  }

  /** What is known of the devices of an account, for its next home. */
  pack(owner: JID): readonly PackedDevice[] | undefined {
    const all = this.#accounts.get(owner.toString())
    return (
      all &&
      [...all].map(([name, device]) => {
        const { beyond, changed } = device
        return { ...stored(device), name, beyond: [...beyond].map(String), changed }
      })
    )
  }

  /** The same, from its former home. */
  unpack(owner: JID, packed: readonly PackedDevice[]): void {
    const all: DevicesOf = new Map()
    for (const { name, beyond, changed, ...rest } of packed)
      all.set(name, { ...restored(rest), beyond: new Set(beyond.map(BigInt)), changed })
    this.#accounts.set(owner.toString(), all)
  }

  /** The home of these accounts is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#accounts.deleteWhere(which)
  }

  /** An account is no more. */
  forget(owner: JID): void {
    this.#accounts.delete(owner.toString())
  }
}

function stored({ has, from, asks, seen }: Device): Stored {
  return { has: String(has), ...(from !== undefined && { from: String(from) }), asks, seen }
}

function restored({ has, from, asks, seen }: Stored): Device {
  const start = from === undefined ? undefined : BigInt(from)
  return { has: BigInt(has), from: start, beyond: new Set(), asks, seen, changed: false }
}

function raise(device: Device, upTo: bigint): void {
  device.from ??= upTo
  if (upTo <= device.has) return
  device.has = upTo
  device.changed = true
}

/** Whether a device does without this message: it has written it, or nobody would hand it over what its owner has written elsewhere. */
function isDispensable(entry: ArchiveEntry, owner: JID, name: string, { asks }: Device): boolean {
  const { from, to } = archivedStanza(entry)
  if (!from.bare.equals(owner)) return false
  return from.resource === name || (!asks && !to?.bare.equals(owner))
}
