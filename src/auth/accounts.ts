/** Accounts: who may sign in, by keys that verify a password without holding it. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { systemClock } from '../core/clock.ts'
import { TidingsError } from '../core/errors.ts'
import type { CasTable, Storage, WallClock } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import { opaqueString, PrecisError } from '../xml/precis.ts'
import { Decoys } from './decoys.ts'
import { Derivation } from './derivation.ts'
import { SALT_BYTES, SCRAM_HASHES, type ScramHash, type ScramKeys, scramKeys } from './scram.ts'

/** What an account may do on its server. */
export type Role = 'admin' | 'user'

/** An account as others see it. */
export interface Account {
  readonly jid: JID
  readonly role: Role
  /** When it was made, milliseconds since 1970. */
  readonly created: number
  /** Nobody signs in to it; what comes for it is kept. */
  readonly disabled: boolean
}

/** How accounts are made and checked. */
export interface AccountsOptions {
  /** PBKDF2 iterations of keys derived from now on; RFC 7677 §4 asks for 4,096 at least. Default 10,000. */
  readonly iterations?: number
  /** PBKDF2 runs at a time, each on a thread of libuv's pool. Default: one per core, 3 at most (the pool has 4). */
  readonly concurrency?: number
  /** PBKDF2 runs that may wait for their turn; one more and sign-ins fail with `temporary-auth-failure`. Default 1,000. */
  readonly queue?: number
  /** Default: the machine's own. */
  readonly clock?: WallClock
}

/** Keys of one password for every mechanism. */
export type PasswordKeys = Readonly<Record<ScramHash, ScramKeys>>

/** How an account is stored: bytes in Base64. */
interface Row {
  readonly role: Role
  readonly created: number
  readonly disabled?: true
  /** All of them, save for an account of another server, which has had only some. */
  readonly keys: Readonly<Partial<Record<ScramHash, StoredKeys>>>
}

interface StoredKeys {
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

/** An account is one row of its owner. */
const KEY = 'account'
/** PLAIN is checked by this one: as costly as SHA-1 where processors help, and a third of SHA-512. */
const VERIFIED_BY: ScramHash = 'SHA-256'
const HASHES = Object.keys(SCRAM_HASHES) as ScramHash[]

/** All accounts in one storage, none of them kept here: a change is seen by the next step of any sign-in, on every node. */
export class Accounts {
  private readonly table: CasTable<Row>
  private readonly decoys: Decoys
  private readonly derivation: Derivation
  private readonly iterations: number
  private readonly clock: WallClock

  constructor(storage: Storage, options: AccountsOptions = {}) {
    this.table = storage.table<Row>('accounts', 'cas')
    this.decoys = new Decoys(storage)
    this.iterations = options.iterations ?? 10_000
    this.derivation = new Derivation(
      options.concurrency ?? Math.min(3, availableParallelism()),
      options.queue ?? 1_000,
    )
    this.clock = options.clock ?? systemClock
  }

  /**
   * Makes an account. Throws a TidingsError: `TIDINGS_ACCOUNT_EXISTS`, `TIDINGS_ACCOUNT_ADDRESS` (no bare JID with a local part)
   * or `TIDINGS_ACCOUNT_PASSWORD` (not allowed by RFC 8265 §4.2).
   */
  async create(jid: JID, password: string, options: { readonly role?: Role } = {}): Promise<void> {
    await this.checkFree(jid)
    await this.add(jid, await this.deriveKeys(password), options.role)
  }

  /** Throws as `create` does if it would: to be asked before the costly part. The compare-and-set in `add` decides. */
  async checkFree(jid: JID): Promise<void> {
    checkAddress(jid)
    if (await this.exists(jid)) throw exists(jid)
  }

  /** Makes an account whose keys are derived already (import). Throws as `create` does. */
  async add(jid: JID, keys: Partial<PasswordKeys>, role: Role = 'user'): Promise<void> {
    checkAddress(jid)
    const row: Row = { role, created: this.clock.now(), keys: encodeKeys(keys) }
    await this.table.update(jid, KEY, old => {
      if (old !== undefined) throw exists(jid)
      return row
    })
  }

  /** The keys of an account, for a move to another server. */
  async keysOf(jid: JID): Promise<Partial<PasswordKeys> | undefined> {
    const row = await this.table.get(jid.bare, KEY)
    if (row === undefined) return undefined
    const pairs = HASHES.flatMap(hash => {
      const keys = row.keys[hash]
      return keys === undefined ? [] : [[hash, decodeKeys(keys)] as const]
    })
    return Object.fromEntries(pairs)
  }

  /** Takes the account away, so that nobody signs in any more; the caller ends its sessions and forgets its data. False: there was none. */
  async remove(jid: JID): Promise<boolean> {
    let found = false
    await this.table.update(jid, KEY, old => {
      found = old !== undefined
      return undefined
    })
    return found
  }

  /** Gives an account another password. Throws a TidingsError: `TIDINGS_ACCOUNT_UNKNOWN` or `TIDINGS_ACCOUNT_PASSWORD`. */
  async setPassword(jid: JID, password: string): Promise<void> {
    const keys = encodeKeys(await this.deriveKeys(password))
    await this.change(jid, row => ({ ...row, keys }))
  }

  /** Gives an account another role. Throws a TidingsError `TIDINGS_ACCOUNT_UNKNOWN`. */
  async setRole(jid: JID, role: Role): Promise<void> {
    await this.change(jid, row => ({ ...row, role }))
  }

  /** Lets nobody sign in to an account any more, or its user again. Throws a TidingsError `TIDINGS_ACCOUNT_UNKNOWN`. */
  async setDisabled(jid: JID, disabled: boolean): Promise<void> {
    await this.change(jid, ({ disabled: _, ...row }) => (disabled ? { ...row, disabled } : row))
  }

  /** The account of a bare JID. */
  async get(jid: JID): Promise<Account | undefined> {
    const row = await this.table.get(jid.bare, KEY)
    return row && { jid: jid.bare, role: row.role, created: row.created, disabled: row.disabled === true }
  }

  /** Is there such an account? */
  async exists(jid: JID): Promise<boolean> {
    return (await this.table.get(jid.bare, KEY)) !== undefined
  }

  /** Accounts of a host in the storage's order, at most `limit`, those after `after`. An empty page is the end. */
  async list(host: string, after?: JID, limit = 100): Promise<Account[]> {
    const found: Account[] = []
    const pageSize = Math.min(1_000, Math.max(100, limit))
    let last = after
    while (found.length < limit) {
      const owners = await this.table.owners(last, pageSize)
      if (owners.length === 0) break
      last = owners.at(-1)
      const here = owners.filter(owner => owner.domain === host)
      const accounts = await Promise.all(here.map(owner => this.get(owner)))
      found.push(...accounts.filter(account => account !== undefined))
    }
    return found.slice(0, limit)
  }

  /** What a sign-in as this account is checked against; if there is no such account: made-up keys, the same each time. */
  async credentials(jid: JID, hash: ScramHash): Promise<ScramKeys> {
    // Both are fetched for every account: whether there is one must not be seen from what is read.
    const [row, decoy] = await Promise.all([
      this.table.get(jid, KEY),
      this.decoys.keys(jid, hash, this.iterations),
    ])
    const keys = row?.keys[hash]
    return keys === undefined ? decoy : decodeKeys(keys)
  }

  /**
   * Is the account there, still with these keys? Asked when a sign-in succeeds: it may have changed since `credentials`. Throws a TidingsError
   * `TIDINGS_ACCOUNT_DISABLED`, which only those learn of who have the password.
   */
  async holds(jid: JID, hash: ScramHash, keys: ScramKeys): Promise<boolean> {
    const row = await this.table.get(jid, KEY)
    const held = row?.keys[hash]
    if (held === undefined || !decodeKeys(held).storedKey.equals(keys.storedKey)) return false
    if (row?.disabled) throw new TidingsError('TIDINGS_ACCOUNT_DISABLED', `The account ${jid} is disabled.`)
    return true
  }

  /** Does the password fit the account? As slow for an unknown account. Rejects with a TidingsError `TIDINGS_AUTH_BUSY`. */
  async verify(jid: JID, password: string): Promise<boolean> {
    const prepared = preparePassword(password)
    if (prepared === undefined) return false
    const held = (await this.table.get(jid, KEY))?.keys
    const hash =
      held === undefined || VERIFIED_BY in held
        ? VERIFIED_BY
        : (HASHES.find(one => one in held) ?? VERIFIED_BY)
    const keys = await this.credentials(jid, hash)
    const { salt, iterations, storedKey } = keys
    const salted = await this.derivation.saltedPassword(hash, prepared, salt, iterations)
    const given = scramKeys(hash, salted, salt, iterations)
    if (!timingSafeEqual(given.storedKey, storedKey) || !(await this.holds(jid, hash, keys))) return false
    if (held !== undefined && !HASHES.every(one => one in held))
      await this.complete(jid, password, hash, keys)
    return true
  }

  /** An account of another server has signed in by its password: from now on it can by every mechanism. */
  private async complete(jid: JID, password: string, hash: ScramHash, keys: ScramKeys): Promise<void> {
    const all = encodeKeys(await this.deriveKeys(password))
    await this.table.update(jid, KEY, row => {
      // Its password may have been changed meanwhile.
      const held = row?.keys[hash]
      if (row === undefined || held === undefined || !decodeKeys(held).storedKey.equals(keys.storedKey))
        return row
      return { ...row, keys: { ...all, ...row.keys } }
    })
  }

  /** Keys of a password for every mechanism; `salt` for all of them, or a random one each. Throws a TidingsError `TIDINGS_ACCOUNT_PASSWORD`. */
  async deriveKeys(password: string, salt?: Buffer): Promise<PasswordKeys> {
    const prepared = preparePassword(password)
    if (prepared === undefined)
      throw new TidingsError(
        'TIDINGS_ACCOUNT_PASSWORD',
        'The password is empty or has characters that are not allowed.',
      )
    const pairs = HASHES.map(async hash => {
      const own = salt ?? randomBytes(SALT_BYTES)
      const salted = await this.derivation.saltedPassword(hash, prepared, own, this.iterations)
      return [hash, scramKeys(hash, salted, own, this.iterations)] as const
    })
    return Object.fromEntries(await Promise.all(pairs)) as PasswordKeys
  }

  private async change(jid: JID, change: (row: Row) => Row): Promise<void> {
    await this.table.update(jid, KEY, row => {
      if (row === undefined) throw new TidingsError('TIDINGS_ACCOUNT_UNKNOWN', `There is no account ${jid}.`)
      return change(row)
    })
  }
}

function checkAddress(jid: JID): void {
  if (jid.local === '' || !jid.isBare)
    throw new TidingsError('TIDINGS_ACCOUNT_ADDRESS', `${jid} is no account address: write name@host.`)
}

function exists(jid: JID): TidingsError {
  return new TidingsError('TIDINGS_ACCOUNT_EXISTS', `The account ${jid} exists already.`)
}

/** RFC 8265 §4.2 (OpaqueString), the successor of the SASLprep that RFC 5802 names; undefined if that refuses the password. */
function preparePassword(password: string): string | undefined {
  try {
    // RFC 8265 §4.1: a password MUST NOT be empty.
    return password === '' ? undefined : opaqueString(password)
  } catch (error) {
    if (error instanceof PrecisError) return undefined
    throw error
  }
}

function encodeKeys(keys: Partial<PasswordKeys>): Row['keys'] {
  const encode = ({ salt, iterations, storedKey, serverKey }: ScramKeys): StoredKeys => {
    const base64 = (bytes: Buffer) => bytes.toString('base64')
    return { salt: base64(salt), iterations, storedKey: base64(storedKey), serverKey: base64(serverKey) }
  }
  const known = HASHES.flatMap(hash =>
    keys[hash] === undefined ? [] : [[hash, encode(keys[hash])] as const],
  )
  return Object.fromEntries(known)
}

function decodeKeys({ salt, iterations, storedKey, serverKey }: StoredKeys): ScramKeys {
  const bytes = (base64: string) => Buffer.from(base64, 'base64')
  return { salt: bytes(salt), iterations, storedKey: bytes(storedKey), serverKey: bytes(serverKey) }
}
