import { type DestinationStream, pino } from 'pino'
import type { Log } from '../core/log.ts'

/** Names under which a secret or a message could be; nobody should log one, and if somebody does, it is not written. */
const SECRET = ['password', 'secret', 'token', 'authorization', 'key', 'keys', 'body', 'stanza', 'payload']

/**
 * The server's log: JSON lines on standard error. Through Node's own stream, which writes at once on files, pipes and terminals, so that
 * the last words before a crash are not lost and nothing else that is written there overtakes them.
 */
export function createLogger(level: string, destination: DestinationStream = process.stderr): Log {
  const redact = { paths: SECRET.flatMap(name => [name, `*.${name}`]), censor: '[not logged]' }
  const options = { level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return pino({ ...options, formatters: { level: label => ({ level: label }) } }, destination)
}
