import type { Storage, Write } from '../storage/types.ts'
import { StanzaError } from './errors.ts'
import type { Host } from './host.ts'
import type { Log } from './log.ts'
import { isPromise, type Maybe } from './maybe.ts'
import type { Histogram, Metrics } from './metrics.ts'

/**
 * Stores what both sides of a stanza recorded, in one commit. Synchronous when there is nothing to store.
 * A commit that fails refuses the stanza: type wait, since the sender may try again (ARCHITECTURE §1: an ack means stored).
 */
export function commit(storage: Storage, writes: readonly Write[], log: Log): Maybe<void> {
  if (writes.length === 0) return
  return storage.commit(writes).catch((err: unknown) => {
    log.error({ code: 'TIDINGS_COMMIT_FAILED', err }, 'a commit failed; its stanza was refused')
    throw new StanzaError('internal-server-error', { type: 'wait', text: 'could not be stored, try again' })
  })
}

/** Commits of stanzas, and how long they take. */
export class Commits {
  readonly #seconds: Histogram

  constructor(metrics: Metrics) {
    this.#seconds = metrics.histogram(
      'tidings_commit_seconds',
      'Until what a stanza brings is stored durably',
    )
  }

  /** Starts a commit that is looked at later. Throws or rejects as `commit()` does. */
  begin(host: Host, writes: readonly Write[]): Maybe<void> {
    const committed = commit(host.storage, writes, host.log)
    // Timing it is looking at it, so its rejection is no unhandled one until it is looked at again.
    return isPromise(committed) ? this.#seconds.timed(committed) : committed
  }
}
