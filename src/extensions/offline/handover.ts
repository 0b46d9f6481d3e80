import type { Host } from '../../core/host.ts'
import type { Session } from '../../core/session.ts'
import { KEPT } from '../../core/unacknowledged.ts'
import type { Due, OfflineQueue } from './queue.ts'

/** Characters sent before it is asked whether the client keeps up. */
const PIECE = 64 * 1024
/** How long a session waits for those before it. */
const PATIENCE_MS = 10_000

/**
 * Hands kept messages to sessions that have come: oldest first, at the pace of the client, and removes what its connection has taken.
 *
 * This goes on beside the owner's lane: a client that reads slowly, or not at all, must hold up neither those who write to its user
 * nor another session of that user. While it goes on, what comes for the user is kept too, and follows what is older.
 */
export class Handovers {
  readonly #host: Host
  readonly #queue: OfflineQueue
  /**
   * The last one of each user. Those of one user follow each other: a message is handed over once. But nobody waits for long for a client
   * that does not take what it is handed, or is away and may return (XEP-0198 §5): both get it then.
   */
  readonly #last = new Map<string, Promise<void>>()

  constructor(host: Host, queue: OfflineQueue) {
    this.#host = host
    this.#queue = queue
  }

  /** Starts to hand over. */
  start(session: Session): void {
    const owner = session.jid.bare.toString()
    session.handovers++
    const before = this.#last.get(owner) ?? Promise.resolve()
    const work = this.#patiently(before)
      .then(() => this.#handOver(session))
      .catch(err =>
        this.#host.log.error(
          { code: 'TIDINGS_OFFLINE_FAILED', err },
          'kept messages could not be handed over',
        ),
      )
      .finally(() => {
        if (this.#last.get(owner) === work) this.#last.delete(owner)
      })
    this.#last.set(owner, work)
    this.#host.background.run('offline', work)
  }

  async #patiently(before: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = this.#host.clock.after(PATIENCE_MS, late.resolve)
    await Promise.race([before, late.promise])
    timer.cancel()
  }

  async #handOver(session: Session): Promise<void> {
    const owner = session.jid.bare
    let upToDate = false
    try {
      while (!session.ended) {
        const due = await this.#due(session)
        upToDate = due.length === 0
        if (upToDate || !(await send(session, due))) return
        await this.#queue.remove(
          owner,
          due.map(({ key }) => key),
        )
      }
    } finally {
      if (!upToDate) session.handovers--
    }
  }

  /** In the owner's lane, so that nothing comes between seeing that nothing is left and being up to date. */
  async #due(session: Session): Promise<readonly Due[]> {
    return this.#host.router.homes.inLane(session.jid, async () => {
      const due = await this.#queue.due(session.jid.bare)
      if (due.length === 0) session.handovers--
      return due
    })
  }
}

/** Sends messages in pieces: more may wait for a user than for a slow client. False when the connection has gone. */
async function send(session: Session, due: readonly Due[]): Promise<boolean> {
  let sent = 0
  if (session.ended) return false
  for (const { stanza, size } of due) {
    session.send(stanza, KEPT)
    sent += size
    if (sent < PIECE) continue
    sent = 0
    if (!(await taken(session))) return false
  }
  return taken(session)
}

async function taken(session: Session): Promise<boolean> {
  return !session.lost && (await session.drained()) && !session.ended
}
