import { CONFIG_OPTION, type Command } from './command.ts'

export const command: Command = {
  name: 'config',
  summary: 'Prints the configuration as it is understood: every key with its value and what it is for.',
  positionals: [],
  options: CONFIG_OPTION,
  notes: `It is YAML that means the same, so it can be the start of a file of one's own. Secrets are not shown: what comes from the environment
stays \${NAME}.`,
  examples: ['tidings config', 'tidings config --config /etc/tidings.yaml | less'],
  async run({ options }, terminal) {
    const { loadConfig } = await import('../main.ts')
    const { printConfig } = await import('../print-config.ts')
    terminal.out(printConfig(await loadConfig(options.config)))
    return 0
  },
}
