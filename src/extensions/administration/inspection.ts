/** XEP-0133 §4.8 to §4.10: what is known of users. */
import type { Host } from '../../core/host.ts'
import type { Session } from '../../core/session.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import { field, resultForm } from '../../xml/forms.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { parseElement, printAlone } from '../../xml/stored.ts'
import type { Command } from '../commands/index.ts'
import lastActivity from '../last-activity.ts'
import roster from '../roster/index.ts'
import { existing, form, nodeOf, ownAddress, requireAccount, told } from './form.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** What the home of a user knows of him. */
    'administration:look'(owner: JID, input: null): Promise<UserLook>
    /** His roster, as XML. */
    'administration:roster'(owner: JID, input: null): Promise<string>
  }
}

/** A user as his home knows him. */
interface UserLook {
  readonly resources: readonly string[]
  readonly contacts: number
  /** When his last session ended (ms since 1970); null where none has. */
  readonly left: number | null
}

/** What homes do for these commands. */
export function inspectionTasks(host: Host) {
  return {
    async 'administration:look'(owner: JID): Promise<UserLook> {
      const rosters = host.find(roster)
      const contacts = rosters === undefined ? [] : await rosters.rows.items(owner)
      const left = await host.find(lastActivity)?.left(owner)
      const resources = host.sessions(owner).map((session: Session) => session.jid.resource)
      return { resources, contacts: contacts.length, left: left ?? null }
    },
    async 'administration:roster'(owner: JID): Promise<string> {
      const rosters = host.find(roster)
      const items = rosters === undefined ? [] : await rosters.items(await rosters.of(owner))
      return printAlone(xml('query', { xmlns: NS.roster }, [...items]))
    },
  }
}

/** XEP-0133 §4.8: rosters of users. */
export function getRosters(host: Host): Command {
  return {
    ...nodeOf('get-user-roster', 'Get users’ rosters'),
    async run({ ask, asker }) {
      const accountjids = field.addresses({ label: 'The addresses of the accounts whose roster you want' })
      const { values } = await ask(form('Getting rosters', { accountjids }))
      const accounts = await existing(host, values.accountjids)
      const rosters = await Promise.all(
        accounts.map(account => host.router.atHome.run('administration:roster', account, null)),
      )
      host.log.info({ accounts, by: asker }, 'an administrator has looked at rosters')
      const result = resultForm(NS.administration, {
        accountjids: accounts.map(account => account.toString()),
      })
      for (const text of rosters) result.cnode(parseElement(text))
      return { payload: [result] }
    },
  }
}

/** XEP-0133 §4.9: when users were there last. */
export function getLastLogins(host: Host): Command {
  return {
    ...nodeOf('get-user-lastlogin', 'Get users’ last login times'),
    async run({ ask }) {
      const accountjids = field.addresses({
        label: 'The addresses of the accounts whose last login you want',
      })
      const { values } = await ask(form('Getting last logins', { accountjids }))
      const accounts = await existing(host, values.accountjids)
      const looks = await Promise.all(
        accounts.map(account => host.router.atHome.run('administration:look', account, null)),
      )
      return told({
        accountjids: accounts.map(account => account.toString()),
        lastlogin: looks.map(({ resources, left }) =>
          resources.length > 0 ? dateTime(host.clock.now()) : left === null ? 'never' : dateTime(left),
        ),
      })
    },
  }
}

/** XEP-0133 §4.10: figures of a user. */
export function getStatistics(host: Host): Command {
  return {
    ...nodeOf('user-stats', 'Get a user’s statistics'),
    async run({ ask }) {
      const accountjid = field.address({ label: 'The address of the account' })
      const { values } = await ask(form('Getting statistics', { accountjid }))
      const account = ownAddress(host, values.accountjid)
      await requireAccount(host, account)
      const { resources, contacts } = await host.router.atHome.run('administration:look', account, null)
      return told({ rostersize: [String(contacts)], onlineresources: [...resources] })
    },
  }
}
