import { CONFIG_OPTION, type Command } from './command.ts'
import { importFile } from './import-file.ts'

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
  run: (input, terminal) =>
    importFile(input, terminal, {
      request: { op: 'roster.import' },
      fields: ['jid', 'contact', 'subscription'],
      lineOf: (line, [jid, contact, subscription]) => ({
        line,
        jid: jid!,
        contact: contact!,
        subscription: subscription!,
      }),
      done: 'contacts added',
    }),
}
