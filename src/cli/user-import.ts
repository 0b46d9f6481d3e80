import { CONFIG_OPTION, type Command } from './command.ts'
import { importFile } from './import-file.ts'

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
  run: (input, terminal) =>
    importFile(input, terminal, {
      request: { op: 'user.import', sharedSalt: input.switches.has('shared-salt') },
      fields: ['jid', 'password'],
      lineOf: (line, [jid, password]) => ({ line, jid: jid!, password: password! }),
      done: 'accounts made',
    }),
}
