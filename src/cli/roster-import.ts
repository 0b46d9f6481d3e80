import { createReadStream } from 'node:fs'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import type { ContactLine } from './control/protocol.ts'
import { checkReadable, readCsv } from './csv.ts'
import { Progress } from './progress.ts'

export const command: Command = {
  name: 'roster import',
  summary: 'Adds contacts to many accounts from a CSV file, whether the server runs or not.',
  positionals: ['FILE.csv'],
  options: CONFIG_OPTION,
  notes: `Each line is jid,contact,subscription, where the subscription is none, to, from or both; a first line of just these words is skipped.
A line is one side only: for two who see each other's presence write two lines. A contact that is there keeps its name and groups.
A bad line is reported with its number, and the rest goes on; then the exit code is 1.`,
  examples: [
    'tidings roster import contacts.csv',
    'tidings roster import contacts.csv --config /etc/tidings.yaml',
  ],
  async run({ positionals, options }, terminal) {
    const file = positionals[0]!
    const progress = new Progress(terminal)
    let bad = 0
    const report = (line: number, text: string): void => {
      bad++
      progress.line(`${file}:${line}: ${text}`)
    }
    await checkReadable(file)
    const { created = 0 } = await administer(options.config, {
      request: { op: 'roster.import' },
      lines: contactLines(file, report),
      tell(news) {
        if ('imported' in news) progress.count(news.imported, 'contacts added')
        else if ('refused' in news) report(news.refused.line, `${news.refused.text} [${news.refused.code}]`)
      },
    })
    progress.end()
    terminal.out(`${created} contacts added${bad === 0 ? '' : `, ${bad} lines refused`}.\n`)
    return bad === 0 ? 0 : 1
  },
}

async function* contactLines(
  file: string,
  report: (line: number, text: string) => void,
): AsyncGenerator<ContactLine> {
  for await (const { line, fields, problem } of readCsv(createReadStream(file, 'utf8'))) {
    const [jid, contact, subscription] = fields
    if (problem !== undefined) report(line, problem)
    else if (jid === undefined || contact === undefined || subscription === undefined || fields.length !== 3)
      report(line, `expected jid,contact,subscription, found ${fields.length} fields`)
    else if (line > 1 || jid.toLowerCase() !== 'jid') yield { line, jid, contact, subscription }
  }
}
