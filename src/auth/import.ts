/** Many accounts at once. */
import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Clock, pause, systemClock } from '../core/clock.ts'
import { TidingsError } from '../core/errors.ts'
import { Lane } from '../core/lane.ts'
import { StorageError } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import type { Accounts, PasswordKeys, Role } from './accounts.ts'
import { SALT_BYTES } from './scram.ts'

/** One account to make. */
export interface ImportEntry {
  readonly jid: JID
  readonly password: string
  readonly role?: Role
}

/** How to import. */
export interface ImportOptions {
  /**
   * One random salt for the whole import, so that keys of equal passwords are derived once. For test data and benchmarks:
   * whoever steals the storage sees which passwords are equal and guesses for all of the accounts at the price of one.
   * Nobody else gains anything: the salt is new for each import, and the cache of keys ends with it.
   */
  readonly sharedSalt?: boolean
  /** Called after each entry; `error` says why it was refused (`TIDINGS_ACCOUNT_EXISTS`, `TIDINGS_ACCOUNT_PASSWORD`, `TIDINGS_ACCOUNT_ADDRESS`). */
  readonly progress?: (entry: ImportEntry, error: TidingsError | undefined) => void
  /** For waiting. */
  readonly clock?: Pick<Clock, 'after'>
}

/** What an import came to. */
export interface ImportResult {
  readonly created: number
  readonly refused: number
}

/** Entries on their way at a time: enough to keep the pool busy, and few, so that a sign-in by password need not wait behind hundreds. */
const IN_FLIGHT = 16
/** With a shared salt only commits are waited for, and those go in groups. */
const IN_FLIGHT_SHARED = 256
/** How long it is waited for a storage that does not answer in time, in ms: doubled each time, and in the end it has failed. */
const FIRST_WAIT_MS = 250
const LAST_WAIT_MS = 16_000
/** Passwords whose keys are kept with a shared salt; then the one unused for longest goes. */
const MAX_CACHED = 1_000

/** Makes accounts; refused ones are reported and skipped. Rejects when the storage fails for half a minute: what was reported as made stays. */
export async function importAccounts(
  accounts: Accounts,
  entries: Iterable<ImportEntry> | AsyncIterable<ImportEntry>,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { sharedSalt = false, progress, clock = systemClock } = options
  const derive = sharedSalt ? sharedKeys(accounts) : (password: string) => accounts.deriveKeys(password)
  const source = each(entries)
  // Entries of one account in their order: the first one makes it, whichever's keys are derived first.
  const lanes = new Map<string, Lane>()
  const inTurn = async (entry: ImportEntry): Promise<TidingsError | undefined> => {
    const key = entry.jid.toString()
    const lane = lanes.get(key) ?? new Lane()
    lanes.set(key, lane)
    try {
      return await lane.run(() => make(accounts, entry, derive, clock))
    } finally {
      if (lane.waiting === 0) lanes.delete(key)
    }
  }
  let created = 0
  let refused = 0
  // Workers share one generator. When one of them throws, its loop ends the generator and thereby all the others.
  const worker = async () => {
    for await (const entry of source) {
      const error = await inTurn(entry)
      if (error === undefined) created++
      else refused++
      progress?.(entry, error)
    }
  }
  await Promise.all(Array.from({ length: sharedSalt ? IN_FLIGHT_SHARED : IN_FLIGHT }, worker))
  return { created, refused }
}

/** Makes one account; the reason if it is refused. */
async function make(
  accounts: Accounts,
  entry: ImportEntry,
  derive: (password: string) => Promise<PasswordKeys>,
  clock: Pick<Clock, 'after'>,
): Promise<TidingsError | undefined> {
  const { jid, password, role } = entry
  let keys: PasswordKeys | undefined
  let asked = false
  for (let wait = FIRST_WAIT_MS; ; wait *= 2)
    try {
      if (keys === undefined) {
        await accounts.checkFree(jid)
        keys = await derive(password)
      }
      // One that was not answered may have made it.
      if (asked && (await accounts.holds(jid, 'SHA-512', keys['SHA-512']))) return undefined
      asked = true
      await accounts.add(jid, keys, role)
      return undefined
    } catch (error) {
      if (error instanceof TidingsError) return error
      if (!isPassing(error) || wait > LAST_WAIT_MS) throw error
      await pause(clock, wait)
    }
}

/** Whether the storage may answer a little later. */
function isPassing(error: unknown): boolean {
  return error instanceof StorageError && (error.code === 'unavailable' || error.code === 'overloaded')
}

/** Derives keys with one salt, once for each of the latest passwords. */
function sharedKeys(accounts: Accounts): (password: string) => Promise<PasswordKeys> {
  const salt = randomBytes(SALT_BYTES)
  const cache = new LRUCache<string, Promise<PasswordKeys>>({ max: MAX_CACHED })
  return password => {
    const known = cache.get(password)
    if (known !== undefined) return known
    const keys = accounts.deriveKeys(password, salt)
    cache.set(password, keys)
    return keys
  }
}

async function* each(
  entries: Iterable<ImportEntry> | AsyncIterable<ImportEntry>,
): AsyncGenerator<ImportEntry> {
  yield* entries
}
