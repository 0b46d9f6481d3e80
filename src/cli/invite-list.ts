import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import type { InvitationLine } from './control/protocol.ts'
import { localTime } from './local-time.ts'

export const command: Command = {
  name: 'invite list',
  summary:
    'Lists the invitations, one a line, until a day after they end; the links themselves are not stored.',
  positionals: [],
  options: CONFIG_OPTION,
  notes: 'Between tabs: id, host, people who can still come, until when, and what else is known.',
  examples: ['tidings invite list'],
  async run({ options }, terminal) {
    await administer(options.config, {
      request: { op: 'invite.list' },
      tell(news) {
        if ('invitations' in news) for (const one of news.invitations) terminal.out(line(one))
      },
    })
    return 0
  },
}

function line({ id, host, name, inviter, by, uses, expires, accounts }: InvitationLine): string {
  const more = [
    name === undefined ? '' : `name ${name}`,
    inviter === undefined ? '' : `contact ${inviter}`,
    by === undefined || by === inviter ? '' : `made by ${by}`,
    accounts.length === 0 ? '' : `used by ${accounts.join(', ')}`,
  ].filter(text => text !== '')
  return `${[id, host, uses, localTime(expires), more.join('; ')].join('\t').trimEnd()}\n`
}
