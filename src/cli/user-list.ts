import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'user list',
  summary: 'Lists the accounts, one a line; behind a tab the role of those that have one.',
  positionals: [],
  options: CONFIG_OPTION,
  examples: ['tidings user list', 'tidings user list | grep @chat.example.org'],
  async run({ options }, terminal) {
    await administer(options.config, {
      request: { op: 'user.list' },
      tell(news) {
        if (!('accounts' in news)) return
        for (const { jid, role } of news.accounts)
          terminal.out(role === 'user' ? `${jid}\n` : `${jid}\t${role}\n`)
      },
    })
    return 0
  },
}
