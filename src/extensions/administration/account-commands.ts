/** XEP-0133 §4: the commands that concern accounts. Only administrators may run them. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { field } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { badPayload, type Command } from '../commands/index.ts'
import { done, existing, explained, form, nodeOf, ownAddress, requireAccount } from './form.ts'

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
      const accounts = await existing(host, values.accountjids)
      requireOthers(accounts, asker, 'delete')
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

/** XEP-0133 §4.3: nobody signs in to these accounts any more; what comes for them is kept. */
export function disableUsers(host: Host): Command {
  return {
    ...nodeOf('disable-user', 'Disable users'),
    async run({ asker, ask }) {
      const accountjids = field.addresses({ label: 'The addresses of the accounts to disable' })
      const { values } = await ask(form('Disabling users', { accountjids }))
      const accounts = await existing(host, values.accountjids)
      requireOthers(accounts, asker, 'disable')
      for (const account of accounts) {
        await host.accounts.setDisabled(account, true)
        await host.router.atHome.run('administration:end-sessions', account, '')
        host.log.info({ account, by: asker }, 'an administrator has disabled an account')
      }
      return done(`${accounts.join(', ')} disabled`)
    },
  }
}

/** XEP-0133 §4.4: their users may sign in again. */
export function reenableUsers(host: Host): Command {
  return {
    ...nodeOf('reenable-user', 'Re-enable users'),
    async run({ asker, ask }) {
      const accountjids = field.addresses({ label: 'The addresses of the accounts to enable again' })
      const { values } = await ask(form('Re-enabling users', { accountjids }))
      const accounts = await existing(host, values.accountjids)
      for (const account of accounts) {
        await host.accounts.setDisabled(account, false)
        host.log.info({ account, by: asker }, 'an administrator has enabled an account again')
      }
      return done(`${accounts.join(', ')} enabled again`)
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

/** One slip, and there might be no administrator left. */
function requireOthers(accounts: readonly JID[], asker: JID, what: string): void {
  if (accounts.some(account => account.equals(asker.bare))) throw badPayload(`you cannot ${what} yourself`)
}
