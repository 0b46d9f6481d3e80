/** What moving users in and out stands on. */
import type { Portable, PortablePlace } from '../../core/portable.ts'
import type { JID } from '../../xml/jid.ts'

/** What SCRAM keeps of a password for one hash. */
export interface PortableKeys {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** Keys by the name of their hash: `SHA-256`. */
export type KeysByHash = Readonly<Record<string, PortableKeys | undefined>>

/** What is needed of accounts. */
export interface PortableAccounts {
  exists(account: JID): Promise<boolean>
  /** Accounts of a host in order, those after `after`; an empty page is the end. */
  list(host: string, after?: JID, limit?: number): Promise<readonly { readonly jid: JID }[]>
  keysOf(account: JID): Promise<KeysByHash | undefined>
  /** Keys of a password, for every mechanism. */
  deriveKeys(password: string): Promise<KeysByHash>
  add(account: JID, keys: KeysByHash): Promise<void>
}

/** Where users are moved from, or to. */
export interface Premises extends PortablePlace {
  readonly accounts: PortableAccounts
  /** Prepared domains. */
  readonly hosts: readonly string[]
  readonly portables: readonly Portable[]
  /** Whether a server runs on it, which has some of it in memory. */
  readonly running: boolean
}

/** Tells whoever asked how it goes; waited for. */
export interface Witness {
  /** `total` where it is known. */
  progress(done: number, total: number | undefined): Promise<void>
  /** Something that the operator should know. */
  notice(text: string): Promise<void>
}

/** What came of it. */
export interface MoveResult {
  readonly moved: number
  /** Users that had been moved before. */
  readonly skipped: number
}

/** Hashes that credentials can be for, as `SCRAM-` of them names the mechanism. */
export const HASHES = ['SHA-1', 'SHA-256', 'SHA-512'] as const
/** The archives that there are. */
export const ARCHIVES = ['messages'] as const
/** The table of accounts: its row comes last, so that whoever has one is whole. */
export const ACCOUNTS = 'accounts'
/** Marks a user whose import has begun. */
export const BEGUN = { table: 'imports', key: 'begun' } as const
