import { resolve } from 'node:path'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { Progress } from './progress.ts'

export const command: Command = {
  name: 'import',
  summary: 'Takes in the users of an export, whether the server runs or not.',
  positionals: ['PATH'],
  options: CONFIG_OPTION,
  notes: `PATH is the folder of tidings export, or a file or a folder of XEP-0227 that another server has written. Users who have an account
here are left as they are, so an import that was broken off is simply started again. What is not understood is left out, and told.
After an import of tidings export all ids of archived messages are what they were; it wants hosts that have no accounts yet.`,
  examples: ['tidings import users', 'tidings import server-data.xml --config /etc/tidings.yaml'],
  async run({ positionals, options }, terminal) {
    const progress = new Progress(terminal)
    const { moved = 0, skipped = 0 } = await administer(options.config, {
      request: { op: 'import', from: resolve(positionals[0]!) },
      tell(news) {
        if ('progress' in news) progress.bar(news.progress.done, news.progress.total, 'users')
        else if ('notice' in news) progress.line(news.notice)
      },
    })
    progress.end()
    terminal.out(`${moved} users imported${skipped === 0 ? '' : `, ${skipped} have accounts already`}.\n`)
    return 0
  },
}
