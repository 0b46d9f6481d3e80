import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'invite revoke',
  summary: 'Ends an invitation, so that nobody can use it any more. Accounts that were made with it stay.',
  positionals: ['ID'],
  options: CONFIG_OPTION,
  examples: ['tidings invite revoke 4xN0qbpX'],
  async run({ positionals, options }, terminal) {
    const id = positionals[0]!
    await administer(options.config, { request: { op: 'invite.revoke', id } })
    terminal.out(`The invitation ${id} is revoked.\n`)
    return 0
  },
}
