import { resolve } from 'node:path'
import { administer } from './administer.ts'
import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'backup',
  summary:
    'Copies everything into a folder, whether the server runs or not: data, certificates, configuration.',
  positionals: ['DIR'],
  options: CONFIG_OPTION,
  notes: `The copy is that of one moment, and no client waits for it. DIR is made; it must not hold anything yet.
It holds keys and messages: only this user may read it, and it should stay that way.`,
  examples: ['tidings backup /var/backups/tidings/monday', 'tidings backup copy --config /etc/tidings.yaml'],
  async run({ positionals, options }, terminal) {
    const to = resolve(positionals[0]!)
    await administer(options.config, { request: { op: 'backup', to } })
    terminal.out(`${to} holds a whole backup.\n`)
    return 0
  },
}
