import { flushCompileCache } from 'node:module'
import { CONFIG_OPTION, type Command } from './command.ts'
import { createLogger } from './logger.ts'
import { stopReason, untilStopped } from './signals.ts'
import { startScreen } from './start-screen.ts'
import { collectGarbage, unoptimised } from './v8.ts'

export const command: Command = {
  name: 'start',
  summary:
    'Starts the server. It runs until Ctrl-C or SIGTERM; then streams are closed and everything is stored.',
  positionals: [],
  options: CONFIG_OPTION,
  notes:
    'Standard output says once where the server is; standard error is its log, a line of JSON each.\nA second Ctrl-C ends it at once (exit code 130).',
  examples: ['tidings start', 'tidings start --config /etc/tidings.yaml 2>> /var/log/tidings.log'],
  async run({ options }, terminal) {
    const { loadConfig, startServer } = await unoptimised(() => import('../main.ts'))
    const config = await loadConfig(options.config)
    const log = createLogger(config.log.level)
    // From here on a signal ends the server in order, even one that comes while it starts.
    const reason = stopReason(log)
    const server = await startServer(config, { log })
    terminal.out(startScreen(config, server, options.config))
    // Written now, for a server that is killed writes nothing.
    flushCompileCache()
    collectGarbage()
    return untilStopped(server, log, reason)
  },
}
