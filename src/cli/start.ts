import { flushCompileCache } from 'node:module'
import { isatty } from 'node:tty'
import { collectGarbage, collectWhenQuiet, optimise } from '../v8.ts'
import { CONFIG_OPTION, type Command } from './command.ts'
import { createLogger } from './logger.ts'
import { stopReason, untilStopped } from './signals.ts'
import { startScreen } from './start-screen.ts'

export const command: Command = {
  name: 'start',
  summary:
    'Starts the server. It runs until Ctrl-C or SIGTERM; then streams are closed and everything is stored.',
  positionals: [],
  options: CONFIG_OPTION,
  notes:
    'Standard output says once where the server is; standard error is its log, a line of JSON each.\nA second Ctrl-C ends it at once (exit code 130). SIGHUP without a terminal is `tidings reload`.',
  examples: ['tidings start', 'tidings start --config /etc/tidings.yaml 2>> /var/log/tidings.log'],
  async run({ options }, terminal) {
    const { loadConfig, startServer } = await import('../main.ts')
    const config = await loadConfig(options.config)
    const log = createLogger(config.log.level)
    // From here on a signal ends the server in order, even one that comes while it starts.
    const read = () => loadConfig(options.config)
    let reload: () => Promise<unknown> = async () => {}
    // Its outcome is in the log.
    const reason = stopReason(log, hasTerminal() ? undefined : () => void reload().catch(() => {}))
    const expelled = Promise.withResolvers<number>()
    const server = await startServer(config, {
      log,
      read,
      setLogLevel: level => log.setLevel(level),
      // A failure: whoever looks after the process starts it again, as another node.
      expelled: () => expelled.resolve(1),
    })
    reload = () => server.reload()
    const invitation = await server.firstInvitation()
    terminal.out(startScreen(config, { ...server, invitation }, options.config))
    // Written now, for a server that is killed writes nothing.
    flushCompileCache()
    collectGarbage()
    optimise()
    collectWhenQuiet()
    return untilStopped(server, log, Promise.race([reason, expelled.promise]))
  },
}

/** Whether a terminal is attached: then SIGHUP says that it was closed, else it asks to read the configuration again. */
function hasTerminal(): boolean {
  return [0, 1, 2].some(descriptor => isatty(descriptor))
}
