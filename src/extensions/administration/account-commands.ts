/** XEP-0133 §4: the commands that concern accounts. Only administrators may run them. */
import { StanzaError, TidingsError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { type Form, type FormFields, field } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { badPayload, type Command, type Completed } from '../commands/index.ts'

/** XEP-0133 §4.1: makes an account. */
export function addUser(host: Host): Command {
  return {
    ...nodeOf('add-user', 'Add user'),
    async run({ asker, ask }) {
      const fields = {
        accountjid: field.address({ label: 'The address of the account to be added' }),
        password: field.secret({ label: 'The password for this account', required: true }),
        'password-verify': field.secret({ label: 'Retype password', required: true }),
      }
      const { values } = await ask(form('Adding a user', fields))
      const account = ownAddress(host, values.accountjid)
      if (values.password !== values['password-verify']) throw badPayload('the passwords are not the same')
      // XEP-0133 §5: "e.g., a user already exists with that username".
      if (await host.accounts.exists(account))
        throw new StanzaError('conflict', { text: `${account} exists` })
      await host.accounts.create(account, values.password).catch(explained)
      host.log.info({ account, by: asker }, 'an administrator has added an account')
      return done(`${account} was added`)
    },
  }
}

/** XEP-0133 §4.2: removes accounts, ends their sessions and erases their data. */
export function deleteUsers(host: Host): Command {
  return {
    ...nodeOf('delete-user', 'Delete users'),
    async run({ asker, ask }) {
      const accountjids = field.addresses({ label: 'The addresses of the accounts to delete' })
      const { values } = await ask(form('Deleting users', { accountjids }))
      const accounts = values.accountjids.map(account => ownAddress(host, account))
      for (const account of accounts) {
        await requireAccount(host, account)
        // One slip, and there might be no administrator left.
        if (account.equals(asker.bare)) throw badPayload('you cannot delete yourself')
      }
      for (const account of accounts) {
        // First the account, so that nobody signs in while the rest goes.
        await host.accounts.remove(account)
        await host.router.atHome.forget(account)
        host.log.info({ account, by: asker }, 'an administrator has deleted an account')
      }
      return done(`${accounts.join(', ')} deleted`)
    },
  }
}

/** XEP-0133 §4.5: ends sessions; their users may sign in again. */
export function endSessions(host: Host): Command {
  return {
    ...nodeOf('end-user-session', 'End sessions'),
    async run({ asker, ask }) {
      const accountjids = field.addresses({ label: 'The addresses for which to end sessions' })
      const { values } = await ask(form('Ending sessions', { accountjids }))
      for (const address of values.accountjids) await requireAccount(host, ownAddress(host, address.bare))
      let ended = 0
      for (const address of values.accountjids) {
        // XEP-0133 §4.5: all sessions of a bare address, of a full one "only the session associated with that resource".
        ended += await host.router.atHome.run('administration:end-sessions', address.bare, address.resource)
        host.log.info({ address, by: asker }, 'an administrator has ended sessions')
      }
      return done(`${ended} ended`)
    },
  }
}

/** XEP-0133 §4.7: gives an account another password. */
export function changePassword(host: Host): Command {
  return {
    ...nodeOf('change-user-password', 'Change password'),
    async run({ asker, ask }) {
      const fields = {
        accountjid: field.address({ label: 'The address of the account' }),
        password: field.secret({ label: 'The new password for this account', required: true }),
      }
      const { values } = await ask(form('Changing a password', fields))
      const account = ownAddress(host, values.accountjid)
      await requireAccount(host, account)
      await host.accounts.setPassword(account, values.password).catch(explained)
      host.log.info({ account, by: asker }, 'an administrator has changed a password')
      return done(`the password of ${account} was changed`)
    },
  }
}

/** XEP-0133 §6: only "service-level administrative privileges" will do. */
function nodeOf(node: string, name: string): Pick<Command, 'node' | 'name' | 'place' | 'access'> {
  return { node: `${NS.administration}#${node}`, name, place: 'server', access: 'admins' }
}

function form<F extends FormFields>(title: string, fields: F): Form<F> {
  return { formType: NS.administration, title, fields }
}

function done(text: string): Completed {
  return { notes: [{ type: 'info', text }] }
}

/** XEP-0133 §4.2: "the JID SHOULD be of the form <user@host>", and only accounts of this host are here. */
function ownAddress(host: Host, address: JID): JID {
  if (address.domain === host.domain && address.local !== '' && address.isBare) return address
  throw badPayload(`${address} is no address of an account at ${host.domain}`)
}

async function requireAccount(host: Host, account: JID): Promise<void> {
  if (!(await host.accounts.exists(account))) throw badPayload(`there is no account ${account}`)
}

/** What the accounts refused, as the answer. */
function explained(error: unknown): never {
  if (error instanceof TidingsError && error.code === 'TIDINGS_ACCOUNT_PASSWORD')
    throw badPayload('this password has characters that cannot be used')
  if (error instanceof TidingsError && error.code === 'TIDINGS_AUTH_BUSY')
    throw new StanzaError('resource-constraint', { text: 'the server is busy: try again' })
  throw error
}
