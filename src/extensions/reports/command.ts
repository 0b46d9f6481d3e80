/** The command by which administrators read reports, one after the other. */
import type { Host } from '../../core/host.ts'
import { pagesOf } from '../../core/pages.ts'
import type { ReadableTable } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { field } from '../../xml/forms.ts'
import { JID } from '../../xml/jid.ts'
import type { Command } from '../commands/index.ts'
import type { Report } from './report.ts'

/** Reports of a page, to be chosen from. */
const SHOWN = 50
/** What is chosen for the next page; names of reports have a space. */
const LATER = 'later'
/** Between the two parts of the name of a report: no address has it. */
const BETWEEN = ' '

/** A report and where it is. */
interface Found {
  readonly owner: JID
  readonly key: string
  readonly report: Report
}

/** Shows reports page by page, the oldest first, then one of them, and takes it away when it is dealt with. */
export function moderate(host: Host, table: ReadableTable<Report>): Command {
  return {
    node: 'tidings:reports',
    name: 'Reports of users',
    place: 'server',
    access: 'admins',
    async run({ asker, ask }) {
      let chosen = LATER
      for (let skip = 0; chosen === LATER; skip += SHOWN) {
        const { shown, count } = await look(host, table, skip)
        if (shown.length === 0) return { notes: [{ type: 'info', text: 'there are no reports' }] }
        const options = Object.fromEntries(shown.map(found => [nameOf(found), labelOf(found)]))
        if (count > skip + SHOWN) options[LATER] = 'Show later ones'
        const form = {
          title: `Reports: ${count}`,
          fields: { report: field.choice({ label: 'Oldest first', options }) },
        }
        chosen = (await ask(form, { onward: ['next'] })).values.report
      }
      const { owner, key } = placeOf(chosen)
      const report = await table.get(owner, key)
      if (report === undefined) return { notes: [{ type: 'warn', text: 'somebody else has dealt with it' }] }
      const { values } = await ask({
        title: `Report about ${report.jid}`,
        instructions: detailsOf(owner, report),
        fields: { settled: field.boolean({ label: 'It is dealt with: take it away', value: false }) },
      })
      if (!values.settled) return { notes: [{ type: 'info', text: 'it is kept' }] }
      await host.router.atHome.run('reports:settle', owner, key)
      host.log.info({ by: asker, owner, jid: report.jid }, 'an administrator has dealt with a report')
      return { notes: [{ type: 'info', text: 'it is dealt with' }] }
    },
  }
}

/** A page of the reports of all users, the oldest first, and how many there are. */
async function look(
  { domain }: Host,
  table: ReadableTable<Report>,
  skip: number,
): Promise<{ readonly shown: readonly Found[]; readonly count: number }> {
  let oldest: Found[] = []
  let count = 0
  for (let after: JID | undefined; ; ) {
    const owners = await table.owners(after)
    after = owners.at(-1)
    if (after === undefined) return { shown: oldest.slice(skip), count }
    for (const owner of owners) {
      if (owner.domain !== domain) continue
      for await (const { items } of pagesOf(table, owner)) {
        count += items.length
        oldest.push(...items.map(({ key, item }) => ({ owner, key, report: item })))
      }
      oldest = oldest.sort((one, other) => one.report.at - other.report.at).slice(0, skip + SHOWN)
    }
  }
}

function nameOf({ owner, key }: Found): string {
  return `${owner}${BETWEEN}${key}`
}

function placeOf(name: string): { readonly owner: JID; readonly key: string } {
  const [owner = '', key = ''] = name.split(BETWEEN)
  return { owner: JID.parse(owner), key }
}

function labelOf({ owner, report: { at, jid, reason, messages } }: Found): string {
  return `${dateTime(at)} ${reason}: ${jid}, by ${owner}, ${messages.length} messages`
}

/** All that is said, a line each. */
function detailsOf(owner: JID, { at, jid, reason, texts, messages, allows }: Report): string {
  return [
    `${dateTime(at)}: ${owner} reports ${jid} for ${reason}.`,
    ...texts,
    ...messages.map(({ by, id }) => `Message ${id} in the archive of ${by}`),
    ...allows.map(name => `He allows: ${name}`),
  ].join('\n')
}
