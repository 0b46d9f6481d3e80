/**
 * Where the server writes its log: pino's calling convention, details first. Never a secret or a message body.
 * Operators search by `code`, so every warning and error carries one.
 */
export interface Log {
  debug(details: object, text: string): void
  info(details: object, text: string): void
  warn(details: LogDetails, text: string): void
  error(details: LogDetails, text: string): void
  child(bindings: object): Log
}

/** Details of a warning or an error: `code` is stable, `TIDINGS_...`. */
export interface LogDetails {
  code: string
  err?: unknown
  [key: string]: unknown
}

/** A log that keeps nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
