import type { Accounts } from '../../auth/accounts.ts'
import { TidingsError } from '../../core/errors.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import type { InvitationLine, InvitationWish, NewInvitationLinks } from './protocol.ts'

/** The invitations of all hosts, for operators. Throws a TidingsError `TIDINGS_INVITATIONS_OFF` where nobody is invited. */
export interface InvitationAdministration {
  /** `host` is prepared, `name` too; `lifetime` in milliseconds, absent: as configured. */
  create(
    host: string,
    wanted: { readonly name?: string; readonly inviter?: string; readonly lifetime?: number },
  ): Promise<NewInvitationLinks>
  list(): Promise<InvitationLine[]>
  /** Ends an invitation; false: there is none. */
  revoke(id: string): Promise<boolean>
}

interface Parts {
  readonly accounts: Accounts
  readonly hosts: readonly string[]
  readonly invitations: InvitationAdministration
}

/** Makes an invitation, once what is asked for is checked. Throws a TidingsError. */
export async function invite(
  { accounts, hosts, invitations }: Parts,
  { host: wanted, name, contact, lifetime }: InvitationWish,
  accountOf: (text: string) => JID,
): Promise<NewInvitationLinks> {
  const inviter = contact === undefined ? undefined : accountOf(contact)
  if (inviter !== undefined && !(await accounts.exists(inviter)))
    throw new TidingsError('TIDINGS_ACCOUNT_UNKNOWN', `there is no account ${inviter}`)
  const host = wanted ?? inviter?.domain ?? hosts[0]!
  if (!hosts.includes(host))
    throw new TidingsError('TIDINGS_ACCOUNT_HOST', `${host} is not served here, only ${hosts.join(', ')}`)
  if (inviter !== undefined && inviter.domain !== host)
    throw new TidingsError('TIDINGS_ACCOUNT_HOST', `${inviter} is no account of ${host}`)
  const account = name === undefined ? undefined : newAddress(name, host)
  if (account !== undefined) await accounts.checkFree(account)
  return invitations.create(host, {
    ...(account && { name: account.local }),
    ...(inviter && { inviter: inviter.toString() }),
    ...(lifetime !== undefined && { lifetime }),
  })
}

/** Ends an invitation. Throws a TidingsError `TIDINGS_INVITATION_UNKNOWN`. */
export async function revoke({ invitations }: Parts, id: string): Promise<void> {
  if (!(await invitations.revoke(id)))
    throw new TidingsError(
      'TIDINGS_INVITATION_UNKNOWN',
      `there is no invitation ${id}: "tidings invite list" shows them`,
    )
}

function newAddress(name: string, host: string): JID {
  try {
    if (name !== '') return JID.of(name, host)
  } catch (error) {
    if (!(error instanceof JIDError)) throw error
  }
  throw new TidingsError('TIDINGS_ACCOUNT_ADDRESS', `"${name}" cannot be the name of an account`)
}
