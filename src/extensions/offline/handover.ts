import { pause, within } from '../../core/clock.ts'
import type { Host } from '../../core/host.ts'
import { Moved } from '../../core/link/frames.ts'
import { isPromise, type Maybe } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import { KEPT } from '../../core/unacknowledged.ts'
import { DelayNote } from '../../xml/delay.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import { StreamError } from '../../xml/stream-error.ts'
import type { Backlog } from '../archive/index.ts'
import type { OfflineQueue } from './queue.ts'

/** Bytes sent, about, before it is asked whether the client keeps up. */
const PIECE = 64 * 1024
/** How long a session waits for those before it. */
const PATIENCE_MS = 10_000
/** How often the storage is asked, the second time after so many ms, and each time so many later. */
const ATTEMPTS = 5
const AGAIN_MS = 1_000

/** A message to be handed over, whoever has it. */
interface Due {
  readonly time: number
  readonly size: number
  readonly stanza: Stanza
  /** Of one in the queue. */
  readonly key?: string
  /** Of one in the archive. */
  readonly number?: bigint
}

/** What is handed over at a time. */
interface Piece {
  /** In the order they came. */
  readonly messages: readonly Due[]
  /** How far the session has come in its archive when it has got these. */
  readonly archivedUpTo: bigint
}

/**
 * Hands messages to sessions that have come, those that were kept and those of the archive that their user has not got: oldest first, at the
 * pace of the client; and removes, or remembers, what its connection has taken.
 *
 * This goes on beside the owner's lane: a client that reads slowly, or not at all, must hold up neither those who write to its user
 * nor another session of that user. While it goes on, what comes for the user is kept too, and follows what is older.
 */
export class Handovers {
  readonly #host: Host
  readonly #queue: OfflineQueue
  readonly #backlog: Backlog | undefined
  readonly #note: DelayNote
  /**
   * The last one of each user. Those of one user follow each other: a kept message is handed over once. But nobody waits for long for a
   * client that does not take what it is handed, or is away and may return (XEP-0198 §5): both get it then.
   */
  readonly #last = new Map<string, Promise<void>>()

  /** Without a backlog nothing is archived. */
  constructor(host: Host, queue: OfflineQueue, backlog: Backlog | undefined) {
    this.#host = host
    this.#queue = queue
    this.#backlog = backlog
    this.#note = new DelayNote(host.jid, 'Offline Storage')
  }

  /** Starts to hand over. */
  start(session: Session): void {
    const owner = session.jid.bare.toString()
    // Nearly always nothing is kept; without an archive nothing is due then.
    if (
      this.#backlog === undefined &&
      !this.#last.has(owner) &&
      this.#queue.looks.sawNothing(session.jid.bare)
    )
      return
    // From where the account is now: while others are served first, what comes for all goes to this one, too.
    const start = this.#backlog?.start(session) ?? 0n
    if (!isPromise(start)) session.handed = { after: start, upTo: start }
    this.#begin(session, start, this.#host.clock.now())
  }

  /** Goes on with what a former home was handing over. */
  goOn(session: Session): void {
    const { handed, carried } = session
    this.#begin(session, handed?.upTo ?? this.#backlog?.start(session) ?? 0n, carried.since)
  }

  /** The home of these users is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const owner of [...this.#last.keys()]) if (which(owner)) this.#last.delete(owner)
  }

  /** `start`: after which archived message; `since`: what came later did not wait for the session to come, ms since 1970. */
  #begin(session: Session, start: Maybe<bigint>, since: number): void {
    const owner = session.jid.bare.toString()
    session.handovers++
    const from = Promise.resolve(start)
    from.catch(() => {})
    const before = this.#last.get(owner) ?? Promise.resolve()
    const { clock } = this.#host
    const work = within(clock, PATIENCE_MS, before, undefined)
      .then(() => this.#handOver(session, from, since))
      .catch(err => {
        // Its next home goes on.
        if (err instanceof Moved) return
        const text = 'kept messages could not be handed over'
        this.#host.log.error({ code: 'TIDINGS_OFFLINE_FAILED', err }, text)
        // It must not stay without them: its client comes again, and gets them then.
        if (!session.over) session.port.close(new StreamError('internal-server-error', text))
      })
      .finally(() => {
        if (this.#last.get(owner) === work) this.#last.delete(owner)
      })
    this.#last.set(owner, work)
    this.#host.background.run('offline', work)
  }

  /** `since`: when the session came, ms since 1970. */
  async #handOver(session: Session, from: Promise<bigint>, since: number): Promise<void> {
    const after = await from.catch(() =>
      this.#insisting(session, async () => this.#backlog?.start(session) ?? 0n),
    )
    // From the first on that it has been handed, here or at a former home.
    const first = session.handed?.after ?? after
    session.handed = { after: first, upTo: after }
    // Its connection is to know from where on.
    session.changed?.()
    for (let upTo = after; !session.over; ) {
      const piece = await this.#insisting(session, () => this.#next(session, upTo))
      session.handed = { after: first, upTo: piece.archivedUpTo }
      if (piece.messages.length === 0) return
      const messages = piece.messages.map(one => this.#shown(one, since))
      const taken = await this.#hand(session, { ...piece, messages }, upTo)
      if (taken.messages.length < messages.length) break
      upTo = piece.archivedUpTo
    }
    // Its next home goes on.
    if (session.left === undefined) session.handovers--
  }

  /** A storage that fails for a moment is asked again: a session that stays would miss what it is not handed. */
  async #insisting<R>(session: Session, task: () => Promise<R>): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await task()
      } catch (error) {
        if (error instanceof Moved || session.over || attempt === ATTEMPTS) throw error
        await pause(this.#host.clock, attempt * AGAIN_MS)
      }
    }
  }

  /** Hands over a piece; what of it has been taken. Its home stays a little for that. */
  async #hand(session: Session, piece: Piece, upTo: bigint): Promise<Piece> {
    const leave = this.#host.router.homes.answers(session.jid)
    try {
      const count = await send(session, piece.messages)
      const taken = count === piece.messages.length ? piece : firstOf(count, piece, upTo)
      await this.#insisting(session, async () => this.#taken(session, taken, upTo))
      return taken
    } finally {
      leave()
    }
  }

  /** In the owner's lane, so that nothing comes between seeing that nothing is left and being up to date. */
  async #next(session: Session, after: bigint): Promise<Piece> {
    return this.#host.router.homes.inLane(session.jid, async () => {
      const piece = await this.#due(session.jid.bare, after)
      if (piece.messages.length === 0) {
        session.handovers--
        this.#backlog?.caughtUp(session, piece.archivedUpTo)
      }
      return piece
    })
  }

  async #due(owner: JID, after: bigint): Promise<Piece> {
    const [kept, archived] = await Promise.all([
      this.#queue.due(owner),
      this.#backlog?.due(owner, after) ?? NOTHING_ARCHIVED,
    ])
    const end = Math.min(knownUpTo(kept), knownUpTo(archived))
    const mine = until(kept.items, end)
    const theirs = until(archived.items, end)
    const all = theirs.length === archived.items.length
    return {
      messages: merged(theirs, mine),
      archivedUpTo: all ? archived.upTo || after : (theirs.at(-1)?.number ?? after),
    }
  }

  /**
   * XEP-0160 §2, XEP-0203 §2: with a note that it was kept here, and since when; unless it says already that it was held back here, or
   * has come while the session was there, and only follows what is older.
   */
  #shown(due: Due, since: number): Due {
    const { time, stanza } = due
    if (time > since || stanza.child('delay', NS.delay)?.attrs.from === this.#host.domain) return due
    return { ...due, stanza: stanza.plus(this.#note.at(time)) }
  }

  /** XEP-0198 §4: what a client has acknowledged it has, also when it has left right after that: nobody gets it again. */
  #taken(session: Session, { messages, archivedUpTo }: Piece, before: bigint): Maybe<void> {
    const owner = session.jid.bare
    const keys = messages.flatMap(({ key }) => key ?? [])
    if (keys.length === 0 && archivedUpTo <= before) return
    return this.#host.router.homes.inLane(owner, async () => {
      // Of an account that was removed meanwhile nothing may be stored any more.
      if (session.ended && !(await this.#host.accounts.exists(owner))) return
      if (keys.length > 0) await this.#queue.remove(owner, keys)
      if (archivedUpTo > before) await this.#backlog?.took(owner, archivedUpTo)
    })
  }
}

const NOTHING_ARCHIVED = { items: [], upTo: 0n, more: false }

/** Up to when nothing is missing: what comes next may be older than what others have. */
function knownUpTo({ items, more }: { readonly items: readonly Due[]; readonly more: boolean }): number {
  return more ? (items.at(-1)?.time ?? 0) : Number.POSITIVE_INFINITY
}

function until<D extends Due>(items: readonly D[], end: number): readonly D[] {
  const last = items.findLastIndex(({ time }) => time <= end)
  return items.slice(0, last + 1)
}

/** By time, each in its own order, which counts more than the clock. */
function merged(some: readonly Due[], others: readonly Due[]): readonly Due[] {
  const all: Due[] = []
  let next = 0
  for (const one of some) {
    while (next < others.length && others[next]!.time < one.time) all.push(others[next++]!)
    all.push(one)
  }
  return [...all, ...others.slice(next)]
}

/** So many of these, the oldest. */
function firstOf(count: number, piece: Piece, before: bigint): Piece {
  const messages = piece.messages.slice(0, count)
  const archived = messages.findLast(({ number }) => number !== undefined)
  return { messages, archivedUpTo: archived?.number ?? before }
}

/**
 * Sends messages, little at a time: more may wait for a user than for a slow client. How many of them it has: all, or if it has gone the
 * first ones that it has acknowledged.
 */
async function send(session: Session, due: readonly Due[]): Promise<number> {
  let sent = 0
  let bytes = 0
  for (const { stanza, size } of due) {
    session.send(stanza, KEPT)
    sent++
    bytes += size
    if (bytes < PIECE && sent < due.length) continue
    bytes = 0
    const missing = await session.drained()
    // What a connection has taken, its client may never have read.
    if (missing === undefined) return 0
    if (missing > 0) return Math.max(sent - missing, 0)
  }
  return sent
}
