import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { newPassword } from './password.ts'

export const command: Command = {
  name: 'user passwd',
  summary: 'Gives an account another password. Clients that are signed in stay so.',
  positionals: ['JID'],
  options: {
    password: { value: 'P', doc: 'the new one; absent: asked for, or read as one line of standard input' },
    ...CONFIG_OPTION,
  },
  examples: ['tidings user passwd alice@localhost'],
  async run({ positionals, options }, terminal) {
    const jid = positionals[0]!
    const password = options.password ?? (await newPassword(terminal))
    await administer(options.config, { request: { op: 'user.passwd', jid, password } })
    terminal.out(`${jid} has a new password.\n`)
    return 0
  },
}
