import type { Log, LogDetails } from '../../src/core/log.ts'

/** A log whose warnings and errors a test can look at. */
export interface KeepingLog extends Log {
  readonly lines: LogDetails[]
}

export function keepingLog(): KeepingLog {
  const lines: LogDetails[] = []
  const keep = (details: LogDetails): void => void lines.push(details)
  const log: KeepingLog = { lines, debug() {}, info() {}, warn: keep, error: keep, child: () => log }
  return log
}
