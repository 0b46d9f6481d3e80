/** XEP-0133 §4.29 to §4.31: who administers the service, and when it stops. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { field } from '../../xml/forms.ts'
import { JID } from '../../xml/jid.ts'
import { badPayload, type Command } from '../commands/index.ts'
import { done, existing, form, nodeOf } from './form.ts'

declare module '../../core/home-tasks.ts' {
  interface NodeTasks {
    /** The node stops in order; `again`: as a failure, so that whoever looks after it starts it again. */
    'administration:halt'(again: boolean): void
  }
}

/** XEP-0133 §4.30: seconds. */
const DELAYS = {
  '30': '30 seconds',
  '60': '60 seconds',
  '90': '90 seconds',
  '120': '2 minutes',
  '180': '3 minutes',
  '240': '4 minutes',
  '300': '5 minutes',
} as const
/** Accounts that are asked for at a time. */
const PAGE = 1_000

/** What each node does. */
export function haltTasks({ router }: Host) {
  return { 'administration:halt': (again: boolean): void => router.halt?.(again) }
}

/** XEP-0133 §4.29: who the administrators are. */
export function editAdmins(host: Host): Command {
  return {
    ...nodeOf('edit-admin', 'Edit admin list'),
    async run({ ask, asker }) {
      const before = new Set<string>()
      for (let last: JID | undefined; ; ) {
        const accounts = await host.accounts.list(host.domain, last, PAGE)
        last = accounts.at(-1)?.jid
        if (last === undefined) break
        for (const { jid, role } of accounts) if (role === 'admin') before.add(jid.toString())
      }
      const adminjids = field.addressList({ label: 'The administrators', value: [...before].sort() })
      const { values } = await ask(form('Editing the admin list', { adminjids }))
      const wanted = await existing(host, values.adminjids)
      if (!wanted.some(jid => jid.equals(asker.bare)))
        throw badPayload('you cannot take yourself off the list: another administrator can')
      const after = new Set(wanted.map(jid => jid.toString()))
      for (const jid of wanted) if (!before.has(jid.toString())) await host.accounts.setRole(jid, 'admin')
      for (const text of before) if (!after.has(text)) await host.accounts.setRole(JID.parse(text), 'user')
      host.log.info({ by: asker, administrators: [...after] }, 'an administrator has edited the admin list')
      return done('it is changed')
    },
  }
}

/** XEP-0133 §4.30, §4.31: all nodes stop, for good or to be started again by whoever looks after them. */
export function haltCommands(host: Host): readonly Command[] {
  const command = (node: string, name: string, again: boolean): Command => ({
    ...nodeOf(node, name),
    async run({ ask, asker }) {
      if (host.router.halt === undefined)
        throw new StanzaError('feature-not-implemented', {
          text: 'this server is stopped by what it is part of',
        })
      const { values } = await ask(
        form(name, {
          delay: field.choice({ label: 'Time until then', options: DELAYS }),
          announcement: field.text({ label: 'Announcement to those who are online' }),
        }),
      )
      if (values.announcement.trim() !== '')
        await host.router.atHome.each('administration:announce', host.domain, values.announcement)
      host.log.info({ by: asker, seconds: values.delay, again }, 'an administrator stops the service')
      host.clock.after(Number(values.delay) * 1_000, () => {
        host.background.run(
          'administration',
          host.router.atHome.each('administration:halt', host.domain, again),
        )
      })
      return done(`in ${values.delay} seconds`)
    },
  })
  return [command('restart', 'Restart service', true), command('shutdown', 'Shut down service', false)]
}
