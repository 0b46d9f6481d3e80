import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'user remove',
  summary: 'Removes an account: its clients are signed out, and all that is kept for it is erased.',
  positionals: ['JID'],
  options: CONFIG_OPTION,
  examples: ['tidings user remove alice@localhost'],
  async run({ positionals, options }, terminal) {
    const jid = positionals[0]!
    await administer(options.config, { request: { op: 'user.remove', jid } })
    terminal.out(`${jid} is removed.\n`)
    return 0
  },
}
