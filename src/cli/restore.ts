import { join, resolve } from 'node:path'
import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'restore',
  summary:
    'Brings a backup back into the data folder of the configuration, which must be empty, and checks it.',
  positionals: ['DIR'],
  options: CONFIG_OPTION,
  notes: `What lies outside of the data folder (the configuration, certificates that it names) is not written over: the
command says where it is in the backup. To restore with the configuration of the backup: --config DIR/tidings.yaml`,
  examples: ['tidings restore /var/backups/tidings/monday --config /etc/tidings.yaml'],
  async run({ positionals, options }, terminal) {
    const from = resolve(positionals[0]!)
    const { loadConfig } = await import('../main.ts')
    const { restoreBackup } = await import('../restore.ts')
    const config = await loadConfig(options.config)
    const { made, program, elsewhere } = await restoreBackup(config, from)
    terminal.out(`${config.data} holds the data of ${made} (${program}); they are sound.\n`)
    for (const [file, copy] of Object.entries(elsewhere))
      terminal.out(`Not touched: ${file}. Its copy is ${join(from, copy)}\n`)
    return 0
  },
}
