import { createReadStream } from 'node:fs'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import type { ImportLine } from './control/protocol.ts'
import { checkReadable, readCsv } from './csv.ts'
import { Progress } from './progress.ts'

export const command: Command = {
  name: 'user import',
  summary: 'Makes many accounts from a CSV file, whether the server runs or not.',
  positionals: ['FILE.csv'],
  options: {
    'shared-salt': { doc: 'one salt for all keys: quick, and only for tests (equal passwords can be told)' },
    ...CONFIG_OPTION,
  },
  notes: `Each line is jid,password; a first line of just these two words is skipped (RFC 4180: quotes as spreadsheets write them).
A bad line is reported with its number, and the rest goes on; then the exit code is 1.`,
  examples: [
    'tidings user import accounts.csv',
    'tidings user import accounts.csv --config /etc/tidings.yaml',
  ],
  async run({ positionals, options, switches }, terminal) {
    const file = positionals[0]!
    const progress = new Progress(terminal)
    let bad = 0
    const report = (line: number, text: string): void => {
      bad++
      progress.line(`${file}:${line}: ${text}`)
    }
    await checkReadable(file)
    const { created = 0 } = await administer(options.config, {
      request: { op: 'user.import', sharedSalt: switches.has('shared-salt') },
      lines: importLines(file, report),
      tell(news) {
        if ('imported' in news) progress.count(news.imported, 'accounts made')
        else if ('refused' in news) report(news.refused.line, `${news.refused.text} [${news.refused.code}]`)
      },
    })
    progress.end()
    terminal.out(summary(created, bad))
    return bad === 0 ? 0 : 1
  },
}

function summary(created: number, bad: number): string {
  return `${created} accounts made${bad === 0 ? '' : `, ${bad} lines refused`}.\n`
}

async function* importLines(
  file: string,
  report: (line: number, text: string) => void,
): AsyncGenerator<ImportLine> {
  for await (const { line, fields, problem } of readCsv(createReadStream(file, 'utf8'))) {
    const [jid, password] = fields
    if (problem !== undefined) report(line, problem)
    else if (jid === undefined || password === undefined || fields.length !== 2)
      report(line, `expected jid,password, found ${fields.length} fields`)
    else if (line > 1 || jid.toLowerCase() !== 'jid' || password.toLowerCase() !== 'password')
      yield { line, jid, password }
  }
}
