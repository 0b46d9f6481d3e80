import { flushCompileCache } from 'node:module'
import { isatty } from 'node:tty'
import type { Config } from '../config/config.ts'
import type { Log } from '../core/log.ts'
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
    const { loadConfig } = await import('../main.ts')
    const read = () => loadConfig(options.config)
    const config = await read()
    const log = createLogger(config.log.level, process.stderr, workerNumber())
    const parts = { log, read, setLogLevel: (level: string) => log.setLevel(level) }
    if (workerNumber() !== undefined) return work(parts)
    // From here on a signal ends the server in order, even one that comes while it starts.
    let reload: () => Promise<unknown> = async () => {}
    // Its outcome is in the log.
    const onHangUp = hasTerminal() ? undefined : () => void reload().catch(() => {})
    const expelled = Promise.withResolvers<number>()
    const reason = stopReason(log, onHangUp, expelled.promise)
    // A failure: whoever looks after the process starts it again, as another node.
    const server = await start(config, {
      ...parts,
      expelled: () => expelled.resolve(1),
      halt: again => expelled.resolve(again ? 1 : 0),
    })
    reload = () => server.reload()
    const invitation = await server.firstInvitation()
    terminal.out(startScreen(config, { ...server, invitation }, options.config))
    settleDown(server)
    return untilStopped(server, log, reason)
  },
}

/** What a server is started with beside its configuration. */
interface Parts {
  readonly log: Log
  readonly read: () => Promise<Config>
  readonly setLogLevel: (level: string) => void
}

/** This process, or several. */
async function start(
  config: Config,
  parts: Parts & { readonly expelled: () => void; readonly halt: (again: boolean) => void },
) {
  if (config.workers !== 1) {
    const { startWorkers } = await import('../workers/supervisor.ts')
    return startWorkers(config, parts)
  }
  const { startServer } = await import('../main.ts')
  return startServer(config, parts)
}

/** The number of this worker; undefined for what is none. Whoever starts one says so. */
function workerNumber(): string | undefined {
  return process.send === undefined ? undefined : process.env.TIDINGS_WORKER
}

/** This process is one of several. Signals that reach all of them, as a terminal's, end it as the supervisor does. */
async function work(parts: Parts): Promise<number> {
  const { startWorker } = await import('../workers/worker.ts')
  const { log } = parts
  const reason = stopReason(log, () => {})
  const onFault = (code: string, err: unknown): void => {
    log.error({ code, err }, 'this worker can not go on')
    process.exit(1)
  }
  // The supervisor tells why one could not start.
  const worker = await startWorker({ ...parts, onFault }).catch(() => undefined)
  if (worker === undefined) return process.exit(1)
  settleDown(worker)
  return untilStopped(worker, log, reason)
}

/** All is loaded. */
function settleDown(server: { readonly connections?: number | undefined }): void {
  // Written now, for a server that is killed writes nothing.
  flushCompileCache()
  collectGarbage()
  optimise()
  collectWhenQuiet(() => server.connections !== 0)
}

/** Whether a terminal is attached: then SIGHUP says that it was closed, else it asks to read the configuration again. */
function hasTerminal(): boolean {
  return [0, 1, 2].some(descriptor => isatty(descriptor))
}
