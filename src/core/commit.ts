import type { Storage, Write } from '../storage/types.ts'
import { StanzaError } from './errors.ts'
import type { Log } from './log.ts'
import type { Maybe } from './maybe.ts'

/**
 * Stores what both sides of a stanza recorded, in one commit. Synchronous when there is nothing to store.
 * A commit that fails refuses the stanza: type wait, since the sender may try again (ARCHITECTURE §1: an ack means stored).
 */
export function commit(storage: Storage, writes: readonly Write[], log: Log): Maybe<void> {
  if (writes.length === 0) return
  return storage.commit([...writes]).catch((err: unknown) => {
    log.error({ code: 'TIDINGS_COMMIT_FAILED', err }, 'a commit failed; its stanza was refused')
    throw new StanzaError('internal-server-error', { type: 'wait', text: 'could not be stored, try again' })
  })
}
