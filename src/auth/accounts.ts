/** Accounts: who may sign in, by keys that verify a password without holding it. */
import type { Storage } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'

/** What an account may do on its server. */
export type Role = 'admin' | 'user'

/** An account as others see it. */
export interface Account {
  readonly jid: JID
  readonly role: Role
  /** When it was made, milliseconds since 1970. */
  readonly created: number
}

/** How accounts are made and checked. */
export interface AccountsOptions {
  /** PBKDF2 iterations of keys derived from now on; RFC 7677 §4 asks for 4,096 at least. Default 10,000. */
  readonly iterations?: number
  /** PBKDF2 runs at a time, each on a thread of libuv's pool. Default: what the machine has, 3 at most. */
  readonly concurrency?: number
  /** PBKDF2 runs that may wait for their turn; one more and sign-ins fail with `temporary-auth-failure`. Default 1,000. */
  readonly queue?: number
  /** Wall clock in milliseconds. */
  readonly now?: () => number
}

/** An error about an account that an operator or administrator can mend; `code` is stable. */
export class AccountError extends Error {
  readonly code: 'ACCOUNT_EXISTS' | 'ACCOUNT_UNKNOWN' | 'ACCOUNT_JID' | 'ACCOUNT_PASSWORD'

  constructor(code: AccountError['code'], message: string) {
    super(message)
    this.name = 'AccountError'
    this.code = code
  }
}

/** All accounts in one storage. Nothing is cached: a change is seen by the next sign-in, on every node. */
export class Accounts {
  constructor(storage: Storage, options: AccountsOptions = {}) {
    throw new Error(`to be written: ${storage} ${options}`)
  }

  /** Makes an account. Throws an AccountError: it exists, `jid` is no bare JID with a local part, or the password is not allowed (RFC 8265 §4.2). */
  create(jid: JID, password: string, options?: { role?: Role }): Promise<void> {
    return Promise.reject(new Error(`to be written: ${jid} ${password} ${options}`))
  }

  /** Takes the account row away, so that nobody signs in any more; the caller ends its sessions and forgets its data. False: there was none. */
  remove(jid: JID): Promise<boolean> {
    return Promise.reject(new Error(`to be written: ${jid}`))
  }

  /** Gives an account another password. Throws an AccountError: no such account, or the password is not allowed. */
  setPassword(jid: JID, password: string): Promise<void> {
    return Promise.reject(new Error(`to be written: ${jid} ${password}`))
  }

  /** Gives an account another role. Throws an AccountError: no such account. */
  setRole(jid: JID, role: Role): Promise<void> {
    return Promise.reject(new Error(`to be written: ${jid} ${role}`))
  }

  /** The account of a bare JID. */
  get(jid: JID): Promise<Account | undefined> {
    return Promise.reject(new Error(`to be written: ${jid}`))
  }

  /** Is there such an account? */
  exists(jid: JID): Promise<boolean> {
    return Promise.reject(new Error(`to be written: ${jid}`))
  }

  /** Accounts of a host in the storage's order, at most `limit` (100), those after `after`. An empty page is the end. */
  list(host: string, after?: JID, limit?: number): Promise<Account[]> {
    return Promise.reject(new Error(`to be written: ${host} ${after} ${limit}`))
  }
}
