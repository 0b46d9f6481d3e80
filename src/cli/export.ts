import { resolve } from 'node:path'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { Progress } from './progress.ts'

export const command: Command = {
  name: 'export',
  summary: 'Writes all users into a folder, whether the server runs or not.',
  positionals: ['DIR'],
  options: CONFIG_OPTION,
  notes: `DIR gets files of XEP-0227, which other servers read: keys of passwords, contacts, kept messages, cards, private data. Beside them
are files NAME.jsonl with all that is kept, archives too, for tidings import. DIR is made; it must not hold anything yet, except for an
export of the same data that was broken off: that one goes on. It holds keys and messages: only this user may read it.
Each user is copied as of the moment when it is his turn. Stop the server first where nothing may be missed.`,
  examples: ['tidings export /var/backups/tidings/users', 'tidings export users --config /etc/tidings.yaml'],
  async run({ positionals, options }, terminal) {
    const to = resolve(positionals[0]!)
    const progress = new Progress(terminal)
    const { moved = 0, skipped = 0 } = await administer(options.config, {
      request: { op: 'export', to },
      tell(news) {
        if ('progress' in news) progress.bar(news.progress.done, news.progress.total, 'users')
      },
    })
    progress.end()
    terminal.out(`${moved} users exported${skipped === 0 ? '' : `, ${skipped} were there already`}: ${to}\n`)
    return 0
  },
}
