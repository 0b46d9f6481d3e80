import { type DestinationStream, type Logger, pino } from 'pino'
import type { Log } from '../core/log.ts'

/** A log whose level can change. */
export interface LeveledLog extends Log {
  /** From now on only lines of this level and above are written: `error`, `warn`, `info`, `debug`. */
  setLevel(level: string): void
}

/** Names under which a secret or a message could be; nobody should log one, and if somebody does, it is not written. */
const SECRET = ['password', 'secret', 'token', 'authorization', 'key', 'keys', 'body', 'stanza', 'payload']

/**
 * The server's log: JSON lines on standard error. Through Node's own stream, which writes at once on files, pipes and terminals, so that
 * the last words before a crash are not lost and nothing else that is written there overtakes them. `worker`: which of several processes this is.
 */
export function createLogger(
  level: string,
  destination: DestinationStream = process.stderr,
  worker?: string,
): LeveledLog {
  const redact = { paths: SECRET.flatMap(name => [name, `*.${name}`]), censor: '[not logged]' }
  // A child keeps a level of its own. There is one per host.
  const all: Logger[] = []
  const onChild = (child: Logger): void => void all.push(child)
  const options = {
    level,
    redact,
    onChild,
    base: worker === undefined ? null : { worker },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  const root = pino({ ...options, formatters: { level: label => ({ level: label }) } }, destination)
  all.push(root)
  return Object.assign(root, {
    setLevel(level: string) {
      for (const logger of all) logger.level = level
    },
  })
}
