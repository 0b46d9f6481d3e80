/** The devices of accounts that have keys, for operators. */
import type { Accounts } from '../../auth/accounts.ts'
import { TidingsError } from '../../core/errors.ts'
import type { JID } from '../../xml/jid.ts'
import type { DeviceKeysLine } from './protocol.ts'

/** Carries it out at the home of an account, or where no server runs. */
export interface KeyAdministration {
  list(account: JID): Promise<readonly DeviceKeysLine[]>
  /** Takes a device away with its keys. False: there is none. */
  remove(account: JID, device: number): Promise<boolean>
}

interface Parts {
  readonly accounts: Accounts
  readonly keys: KeyAdministration
}

export async function listKeys({ accounts, keys }: Parts, account: JID): Promise<readonly DeviceKeysLine[]> {
  await requireAccount(accounts, account)
  return keys.list(account)
}

/** Rejects with `TIDINGS_KEYS_DEVICE` where there is no such device. */
export async function removeKeys({ accounts, keys }: Parts, account: JID, device: number): Promise<void> {
  await requireAccount(accounts, account)
  if (!(await keys.remove(account, device)))
    throw new TidingsError(
      'TIDINGS_KEYS_DEVICE',
      `${account} has no device ${device}: "tidings keys list ${account}" shows them`,
    )
}

async function requireAccount(accounts: Accounts, account: JID): Promise<void> {
  if (!(await accounts.exists(account)))
    throw new TidingsError('TIDINGS_ACCOUNT_UNKNOWN', `there is no account ${account}`)
}
