/** XEP-0377: Spam Reporting. */
import { randomUUID } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import { defineExtension } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { pagesOf } from '../../core/pages.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import blocking from '../blocking/index.ts'
import commands from '../commands/index.ts'
import { moderate } from './command.ts'
import { type Report, readReport } from './report.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** A moderator has dealt with a report of this user. False: it was not there any more. */
    'reports:settle'(owner: JID, key: string): Promise<boolean>
  }
}

export default defineExtension({
  name: 'reports',
  doc: 'Lets users report whom they block, and administrators read that',
  xeps: [{ xep: 377, version: '0.4.1', status: 'complete' }],
  features: { server: [NS.reporting] },
  follows: [blocking],
  options: {
    'per-user': option.integer({
      doc: 'Reports of one user that are kept until an administrator has dealt with them; then the oldest go',
      default: 100,
      min: 1,
      max: 10_000,
      live: true,
    }),
  },
  setup(host, options) {
    const table = host.storage.table<Report>('reports', 'lww')
    const reasons = ['spam', 'abuse'] as const
    const counters = Object.fromEntries(
      reasons.map(reason => [
        reason,
        host.metrics.counter('tidings_reports_total', 'Reports of users about others', {
          host: host.domain,
          reason,
        }),
      ]),
    )
    host.use(blocking).accompany(NS.reporting, 'report', {
      read: (jid, element) => readReport(jid, element, host.clock.now()),
      async take(owner, found) {
        // No more than are kept, be they all in one request.
        const reports = (found as readonly Report[]).slice(0, options['per-user'])
        const keys: string[] = []
        for await (const page of pagesOf(table, owner)) keys.push(...page.items.map(({ key }) => key))
        const surplus = keys.slice(0, Math.max(0, keys.length + reports.length - options['per-user']))
        const writes = reports.map((report, n) => table.put(owner, keyOf(report, n), report))
        await commit(
          host.storage,
          surplus.length === 0 ? writes : [...writes, table.delete(owner, ...surplus)],
          host.log,
        )
        for (const { jid, reason } of reports) {
          counters[reason]!.value++
          host.log.info({ by: owner, jid, reason }, 'a user has reported somebody')
        }
      },
    })
    host.find(commands)?.add(moderate(host, table))
    return {
      atHome: {
        async 'reports:settle'(owner, key) {
          if ((await table.get(owner, key)) === undefined) return false
          await commit(host.storage, [table.delete(owner, key)], host.log)
          return true
        },
      },
    }
  },
})

/** In the order they came; there may be several in one millisecond. */
function keyOf({ at }: Report, n: number): string {
  return `${String(at).padStart(15, '0')}-${String(n).padStart(5, '0')}-${randomUUID().slice(0, 8)}`
}
