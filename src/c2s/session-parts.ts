import type { Background } from '../core/background.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { SessionMetrics } from './metrics.ts'
import type { Resumption } from './resumption.ts'
import type { Rate } from './token-bucket.ts'

/** What all sessions of a server share. */
export interface SessionParts {
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  /** Stanzas that a client may send. Whoever sends faster is slowed, not cut. */
  readonly rate: Rate
  readonly metrics: SessionMetrics
  readonly resumption: Resumption
}
