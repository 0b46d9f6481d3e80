import type { Host } from '../../core/host.ts'
import { archivedStanza, bytesOfId, findNewest, pagesOf } from '../../core/pages.ts'
import type { Archive, ArchiveEntry, Mark, MarkTable } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { ErasedMessages } from './erased.ts'

/** How far a message can come beyond the archive of its sender. */
export type State = 'delivered' | 'read'

/** A message as both sides know it; each archive has an id of its own for it. */
export interface Reference {
  /** The `id` that its sender gave it. */
  readonly id: string
  /** About when it was archived, ms since 1970, if that is known. */
  readonly time?: number
}

/** What is known to have reached somebody. As JSON. */
export interface Reached {
  /** Whom, as a bare JID. */
  readonly peer: string
  /** When, ms since 1970. */
  readonly time: number
  readonly delivered: readonly Reference[]
  readonly read: readonly Reference[]
}

/** How far somebody has come with what a user has written to him. */
export interface Progress {
  readonly delivered: Mark | undefined
  readonly read: Mark | undefined
}

/** One mark of a user: `peer` has come to this point. */
export interface PeerMark {
  readonly state: State
  readonly peer: string
  readonly mark: Mark
}

/** Messages that wait to be looked for, of one conversation and state. */
const MOST = 100
/** Both sides archive a message at about the same time. */
const WINDOW_MS = 60_000

/**
 * For each user and each one he writes to: the newest of the user's messages that was delivered, and the newest that was read. A mark is
 * the id in the user's own archive, so whether a message has come so far is one comparison. XEP-0333 §5: marks only move forward.
 */
export class Marks {
  readonly #host: Host
  readonly #archive: Archive
  readonly #table: MarkTable
  readonly #erased: ErasedMessages
  /** Conversations of which something is being looked for, and what has come meanwhile. */
  readonly #waiting = new Map<string, Reached>()

  constructor(host: Host) {
    this.#host = host
    this.#archive = host.storage.archive('messages')
    this.#table = host.storage.table('status', 'mark')
    this.#erased = new ErasedMessages(host)
  }

  /** How far `peer`, a bare JID, has come with the owner's messages. */
  async progress(owner: JID, peer: string): Promise<Progress> {
    const [delivered, read] = await Promise.all([
      this.#table.get(owner, keyOf('delivered', peer)),
      this.#table.get(owner, keyOf('read', peer)),
    ])
    return { delivered, read }
  }

  /** Every mark of an owner. */
  async *all(owner: JID): AsyncGenerator<PeerMark> {
    for await (const { items } of pagesOf(this.#table, owner, 1_000))
      for (const { key, item } of items) yield { ...partsOf(key), mark: item }
  }

  /**
   * Moves the marks to the newest of these messages. What the owner has not written, or not archived, is ignored: XEP-0333 §5. What comes
   * of a conversation while a message of it is being looked for is looked for together: resolves at once then.
   */
  async reach(owner: JID, reached: Reached): Promise<void> {
    const key = `${owner} ${reached.peer}`
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      this.#waiting.set(key, joined(waiting, reached))
      return
    }
    try {
      for (let next = reached; next.delivered.length + next.read.length > 0; next = this.#waiting.get(key)!) {
        this.#waiting.set(key, { ...reached, delivered: [], read: [] })
        await this.#move(owner, next)
      }
    } finally {
      this.#waiting.delete(key)
    }
  }

  async #move(owner: JID, { peer, time, delivered, read }: Reached): Promise<void> {
    const progress = await this.progress(owner, peer)
    const readUpTo = await this.#newest(owner, peer, read, progress.read?.value ?? 0n)
    // What has been read has been delivered.
    const known = greatest(progress.delivered?.value ?? 0n, readUpTo)
    const deliveredUpTo = greatest(await this.#newest(owner, peer, delivered, known), readUpTo)
    const raised = (state: State, value: bigint | undefined, old: Mark | undefined) =>
      value === undefined || value <= (old?.value ?? 0n)
        ? []
        : [this.#table.raise(owner, keyOf(state, peer), { value, time })]
    const writes = [
      ...raised('delivered', deliveredUpTo, progress.delivered),
      ...raised('read', readUpTo, progress.read),
    ]
    if (writes.length > 0) await this.#host.storage.commit(writes)
  }

  /** The item of a message that the owner has written to `peer`; undefined where there is none. */
  async find(owner: JID, peer: string, reference: Reference): Promise<bigint | undefined> {
    return this.#newest(owner, peer, [reference], 0n)
  }

  /** These items of the owner's archive are going to be erased. */
  async erasing(owner: JID, entries: readonly ArchiveEntry[]): Promise<void> {
    await this.#erased.remember(owner, entries, async peer => {
      const { read } = await this.progress(owner, peer)
      return read?.value ?? 0n
    })
  }

  /** The newest of these messages in the owner's archive, or erased from it, of those after `known`. */
  async #newest(
    owner: JID,
    peer: string,
    references: readonly Reference[],
    known: bigint,
  ): Promise<bigint | undefined> {
    if (references.length === 0) return undefined
    const ids = new Set(references.map(({ id }) => id))
    const times = references.flatMap(({ time }) => time ?? [])
    const range =
      times.length < references.length
        ? {}
        : { start: Math.min(...times) - WINDOW_MS, end: Math.max(...times) + WINDOW_MS }
    const containing = [...ids].map(bytesOfId)
    const query = { peer: JID.parse(peer), ...range, ...(known > 0n && { after: known }), containing }
    const found = await findNewest(this.#archive, owner, query, entry => isOneOf(entry, ids, owner))
    return found?.id ?? this.#erased.newest(owner, peer, ids, known)
  }
}

/** The newest of both, at the later time: that is "by then". */
function joined(one: Reached, other: Reached): Reached {
  const newest = (state: State) => [...one[state], ...other[state]].slice(-MOST)
  return { ...other, delivered: newest('delivered'), read: newest('read') }
}

function isOneOf(entry: ArchiveEntry, ids: ReadonlySet<string>, owner: JID): boolean {
  const { id, from } = archivedStanza(entry)
  return id !== undefined && ids.has(id) && from.bare.equals(owner)
}

function greatest(one: bigint, other: bigint | undefined): bigint
function greatest(one: bigint | undefined, other: bigint | undefined): bigint | undefined
function greatest(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}

function keyOf(state: State, peer: string): string {
  return `${state} ${peer}`
}

function partsOf(key: string): { state: State; peer: string } {
  const space = key.indexOf(' ')
  return { state: key.slice(0, space) as State, peer: key.slice(space + 1) }
}
