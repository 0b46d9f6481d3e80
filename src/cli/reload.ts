import { TidingsError } from '../core/errors.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { askServer } from './control/running.ts'

export const command: Command = {
  name: 'reload',
  summary: 'Has the running server read its configuration again and apply what can change while it runs.',
  positionals: [],
  options: CONFIG_OPTION,
  notes: `Certificates, limits, the log level, the policy for sessions, some options of extensions. The rest is named: it waits for a restart.
A configuration that cannot be used changes nothing. SIGHUP does the same, where the server has no terminal.`,
  examples: ['tidings reload', 'tidings reload --config /etc/tidings.yaml'],
  async run({ options }, terminal) {
    const { loadConfig } = await import('../main.ts')
    const { data } = await loadConfig(options.config)
    const done = await askServer(data, { op: 'reload' })
    if (done === undefined)
      throw new TidingsError('TIDINGS_NOT_RUNNING', `no server runs on ${data}: there is nothing to reload`)
    const { live = [], restart = [] } = done.changes ?? {}
    for (const path of live) terminal.out(`${path}: applied\n`)
    for (const path of restart) terminal.out(`${path}: needs a restart\n`)
    if (live.length + restart.length === 0)
      terminal.out('Nothing has changed; certificates were read again.\n')
    return 0
  },
}
