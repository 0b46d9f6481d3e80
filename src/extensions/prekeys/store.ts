/** The rows of keys. To be used in the owner's lane only, at the owner's home; or where no server runs. */
import { pagesOf } from '../../core/pages.ts'
import type { Storage, Table, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { ClaimEntry, NumberedKey, PerKind, SignedKey } from './keys.ts'

/** A device that has keys here. */
export interface DeviceRow {
  readonly registration: number
  readonly identity: string
  readonly signed: SignedKey
  readonly lastResort: SignedKey
  /** Keys that can be given once. */
  readonly left: PerKind<number>
  /** The greatest numbers there have been: nothing comes a second time. */
  readonly greatest: PerKind<number>
  /** Milliseconds since 1970. */
  readonly added: number
  readonly changed: number
}

/** What stays of one that was removed, should it come back. */
export interface RemovedRow {
  readonly removed: number
  readonly greatest: PerKind<number>
}

/** What is kept of an account besides. */
export interface AccountRow {
  /** What numbers of devices begin with of which nothing is known (any more). */
  readonly floor: PerKind<number>
  /** Claims so far. */
  readonly claims: number
}

/** Keys that are given once are read whole when others come, and one by one when they go. */
export type Kind = keyof PerKind<unknown>

const LETTERS: PerKind<string> = { oneTime: 'e', kyber: 'k' }
const ACCOUNT = 'account'
const NONE: AccountRow = { floor: { oneTime: 0, kyber: 0 }, claims: 0 }

/** One key of the stock, with the key of its row. */
export interface Stocked {
  readonly row: string
  readonly item: SignedKey | NumberedKey
}

export class KeyStore {
  readonly #devices: Table<DeviceRow | RemovedRow>
  readonly #keys: Table<SignedKey | NumberedKey>
  readonly #claims: Table<ClaimEntry>
  readonly #accounts: Table<AccountRow>

  constructor(storage: Storage) {
    this.#devices = storage.table('prekey-devices', 'lww')
    this.#keys = storage.table('prekeys', 'lww')
    this.#claims = storage.table('prekey-claims', 'lww')
    this.#accounts = storage.table('prekey-accounts', 'lww')
  }

  async account(owner: JID): Promise<AccountRow> {
    return (await this.#accounts.get(owner, ACCOUNT)) ?? NONE
  }

  putAccount(owner: JID, row: AccountRow): Write {
    return this.#accounts.put(owner, ACCOUNT, row)
  }

  device(owner: JID, device: number): Promise<DeviceRow | RemovedRow | undefined> {
    return this.#devices.get(owner, String(device))
  }

  /** All of an owner, by their numbers. */
  async devices(owner: JID): Promise<Map<number, DeviceRow | RemovedRow>> {
    const found = new Map<number, DeviceRow | RemovedRow>()
    for await (const { items } of pagesOf(this.#devices, owner))
      for (const { key, item } of items) found.set(Number(key), item)
    return found
  }

  putDevice(owner: JID, device: number, row: DeviceRow | RemovedRow): Write {
    return this.#devices.put(owner, String(device), row)
  }

  deleteDevice(owner: JID, device: number): Write {
    return this.#devices.delete(owner, String(device))
  }

  /** The key with the least number, and whether there are more. */
  async first(owner: JID, device: number, kind: Kind): Promise<{ key?: Stocked; more: boolean }> {
    const page = await this.#keys.page(owner, { prefix: prefixOf(device, kind) }, 1)
    const [entry] = page.items
    return { ...(entry && { key: { row: entry.key, item: entry.item } }), more: page.more }
  }

  /** All keys of a device of one kind. */
  async stock(owner: JID, device: number, kind: Kind): Promise<readonly Stocked[]> {
    const prefix = prefixOf(device, kind)
    const found: Stocked[] = []
    for (let after: string | undefined; ; ) {
      const page = await this.#keys.page(owner, after === undefined ? { prefix } : { prefix, after })
      found.push(...page.items.map(({ key, item }) => ({ row: key, item })))
      after = page.items.at(-1)?.key
      if (!page.more || after === undefined) return found
    }
  }

  putKey(owner: JID, device: number, kind: Kind, key: SignedKey | NumberedKey): Write {
    return this.#keys.put(owner, `${prefixOf(device, kind)}${padded(key.id)}`, key)
  }

  deleteKeys(owner: JID, rows: readonly string[]): Write[] {
    return rows.length === 0 ? [] : [this.#keys.delete(owner, ...rows)]
  }

  /** What is stored of a claim, the `number`th one; the oldest of more than `most` go. */
  async logged(owner: JID, number: number, entry: ClaimEntry, most: number): Promise<Write[]> {
    const old = await this.#claims.page(owner, { before: padded(Math.max(0, number - most + 1)) })
    const gone = old.items.map(({ key }) => key)
    return [
      this.#claims.put(owner, padded(number), entry),
      ...(gone.length === 0 ? [] : [this.#claims.delete(owner, ...gone)]),
    ]
  }

  /** The last claims, newest first. */
  async claims(owner: JID, most: number): Promise<readonly ClaimEntry[]> {
    const page = await this.#claims.page(owner, { reverse: true }, most)
    return page.items.map(({ item }) => item)
  }
}

/** Whether a device has keys, and was not removed. */
export function isThere(row: DeviceRow | RemovedRow | undefined): row is DeviceRow {
  return row !== undefined && 'identity' in row
}

function prefixOf(device: number, kind: Kind): string {
  return `${device} ${LETTERS[kind]} `
}

/** So that numbers are in their order as texts are. */
function padded(number: number): string {
  return String(number).padStart(12, '0')
}
