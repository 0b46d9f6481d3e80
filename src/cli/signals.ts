/** How the process ends: by a signal, in order; or by a fault. */
import type { Log } from '../core/log.ts'

/** What is running. */
interface Stoppable {
  stop(): Promise<void>
}

/** Exit code of a process that was interrupted: 128 + SIGINT. */
const INTERRUPTED = 130
/**
 * One press of Ctrl-C may arrive several times: the terminal sends it to the whole group, and npm and an older Node that started
 * this one pass it on. A person needs longer than this (ms) to press again.
 */
const SAME_PRESS_MS = 300
/** A stop that takes longer (ms) than this is stuck. */
const STUCK_MS = 30_000

/**
 * Listens for what ends the process, from now on: resolves with the exit code; `other` may give one, too. Whatever the process is doing then, be it that it starts and waits for a
 * storage that is not there, it ends within 30 s. 0 for SIGTERM and SIGINT; a second SIGINT exits at
 * once with 130. SIGHUP calls `onHangUp`; without it the terminal is gone, and the exit code is 0 too.
 *
 * An unhandled rejection is work that failed and that nobody waited for. It is logged and the server goes on: every connection and
 * every lane is a chain of promises of its own, so a stray one says nothing about the others, and thousands of streams are not
 * cut for it. An uncaught exception broke off some callback in the middle; nobody knows what it left half done, so the server stops
 * in order with exit code 1, for its supervisor to start it afresh.
 */
export function stopReason(log: Log, onHangUp?: () => void, other?: Promise<number>): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const stop = (code: number): void => resolve(code)
  void other?.then(stop)
  void promise.then(() => limitStopping(log))
  let interrupted: number | undefined
  process.on('SIGINT', () => {
    const now = performance.now()
    if (interrupted !== undefined && now - interrupted > SAME_PRESS_MS) process.exit(INTERRUPTED)
    interrupted ??= now
    stop(0)
  })
  process.on('SIGTERM', () => stop(0))
  process.on('SIGHUP', onHangUp ?? (() => stop(0)))
  process.on('unhandledRejection', err => {
    log.error({ code: 'TIDINGS_UNHANDLED_REJECTION', err }, 'work that nobody waited for failed')
  })
  process.on('uncaughtException', err => {
    log.error({ code: 'TIDINGS_UNCAUGHT_EXCEPTION', err }, 'a fault in the program; the server stops')
    stop(1)
  })
  return promise
}

/** Stops the server when there is a reason to, and resolves with the exit code. */
export async function untilStopped(server: Stoppable, log: Log, reason = stopReason(log)): Promise<number> {
  const code = await reason
  log.info({}, 'stopping')
  await server.stop()
  log.info({}, 'stopped')
  return code
}

/** Ends the process after a while, if it has not ended by itself. */
function limitStopping(log: Log): void {
  const stuck = setTimeout(() => {
    log.error({ code: 'TIDINGS_STOP_STUCK' }, `the server could not stop within ${STUCK_MS / 1000} s`)
    process.exit(1)
  }, STUCK_MS)
  stuck.unref()
}
