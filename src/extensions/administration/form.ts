/** What the commands of XEP-0133 have in common. */
import { StanzaError, TidingsError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { Form, FormFields, ResultFields } from '../../xml/forms.ts'
import { resultForm } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { badPayload, type Command, type Completed } from '../commands/index.ts'

/** XEP-0133 §6: only "service-level administrative privileges" will do. */
export function nodeOf(node: string, name: string): Pick<Command, 'node' | 'name' | 'place' | 'access'> {
  return { node: `${NS.administration}#${node}`, name, place: 'server', access: 'admins' }
}

export function form<F extends FormFields>(title: string, fields: F): Form<F> {
  return { formType: NS.administration, title, fields }
}

export function done(text: string): Completed {
  return { notes: [{ type: 'info', text }] }
}

/** What was asked for, as a form. */
export function told(fields: ResultFields): Completed {
  return { payload: [resultForm(NS.administration, fields)] }
}

/** XEP-0133 §4.2: "the JID SHOULD be of the form <user@host>", and only accounts of this host are here. */
export function ownAddress(host: Host, address: JID): JID {
  if (address.domain === host.domain && address.local !== '' && address.isBare) return address
  throw badPayload(`${address} is no address of an account at ${host.domain}`)
}

export async function requireAccount(host: Host, account: JID): Promise<void> {
  if (!(await host.accounts.exists(account))) throw badPayload(`there is no account ${account}`)
}

/** Addresses of accounts that are there; all of them, or none is touched. */
export async function existing(host: Host, addresses: readonly JID[]): Promise<readonly JID[]> {
  const accounts = addresses.map(address => ownAddress(host, address))
  for (const account of accounts) await requireAccount(host, account)
  return accounts
}

/** What the accounts refused, as the answer. */
export function explained(error: unknown): never {
  if (error instanceof TidingsError && error.code === 'TIDINGS_ACCOUNT_PASSWORD')
    throw badPayload('this password has characters that cannot be used')
  if (error instanceof TidingsError && error.code === 'TIDINGS_AUTH_BUSY')
    throw new StanzaError('resource-constraint', { text: 'the server is busy: try again' })
  throw error
}
