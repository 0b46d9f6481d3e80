import type { Background } from '../core/background.ts'
import type { Clock } from '../core/clock.ts'
import {
  type Handled,
  type HandledRecords,
  handledRecords,
  handledTable,
  handledWrite,
} from '../core/handled.ts'
import type { Router } from '../core/router.ts'
import type { JID } from '../xml/jid.ts'

/** Where the storage of a host is, and who may write there. */
export type Hosts = Pick<Router, 'cluster' | 'host'> & {
  readonly atHome: Pick<Router['atHome'], 'storeHandled'>
}

/** A session as far as it is counted. */
export interface Counted {
  /** The SM-ID; undefined: it can't be resumed, and nobody will ask. */
  readonly id: string | undefined
  readonly account: JID
  /** How many of its client's stanzas have been handled. */
  readonly h: number
}

/** How long after a stanza its session's count is stored: those of all sessions at once. */
const BEHIND_MS = 1_000
/** Counts in one commit. */
const TOGETHER = 500
/** How long a count is known: a client that returns later has nothing to learn from it. */
const ENDED_MS = 60 * 60_000
const LIVING_MS = 24 * 60 * 60_000

/**
 * XEP-0198 §5: how many stanzas of their clients sessions had handled, by SM-ID: for clients that want to resume a session which has ended,
 * be it with the server. Known at all nodes. What is stored is never more than what was handled (its client would take the rest for
 * delivered); after a crash, or where a home is not there, it may be less by what came last: that is sent again, and dropped as a duplicate.
 *
 * Where short-lived values outlive their process they are kept there (docs/decisions/0024), else in a table.
 */
export class HandledCounts {
  readonly #router: Hosts
  readonly #clock: Clock
  readonly #background: Background
  /** How long a session can be resumed, ms: so long a record of it is kept. */
  resumeMs = 0
  /** Those that have handled something that is not stored yet. */
  readonly #ahead = new Set<Counted>()
  #due = false

  constructor(router: Hosts, clock: Clock, background: Background) {
    this.#router = router
    this.#clock = clock
    this.#background = background
  }

  /** A session has handled something: its count is stored in a while. */
  grown(session: Counted): void {
    if (session.id === undefined) return
    this.#ahead.add(session)
    if (this.#due) return
    this.#due = true
    this.#clock.after(BEHIND_MS, () => this.#background.run('handled counts', this.#storeAhead()))
  }

  /** The connection of a session is gone: its count has to be known for as long as it waits. */
  left(session: Counted): void {
    if (this.#recordsFor(session) !== undefined) this.grown(session)
  }

  /** A session has ended, and its client may come to resume it. Resolves when its count is stored. */
  async ended(session: Counted): Promise<void> {
    await this.#store([session], true)
  }

  /** A session has ended, or goes on elsewhere: it counts here no more. */
  forget(session: Counted): void {
    this.#ahead.delete(session)
  }

  /** How far it had come, if it was this account's. */
  async find(id: string, account: JID): Promise<number | undefined> {
    const host = this.#router.host(account.domain)
    const records = host && handledRecords(host)
    return records === undefined ? host && handledTable(host).get(account, id) : records.get(account, id)
  }

  #storeAhead(): Promise<void> {
    const sessions = [...this.#ahead]
    this.#ahead.clear()
    this.#due = false
    return this.#store(sessions, false)
  }

  async #store(sessions: readonly Counted[], ended: boolean): Promise<void> {
    const records = this.#recordsFor(sessions[0])
    if (records === undefined) await this.#write(this.#countsOf(sessions, ended ? ENDED_MS : LIVING_MS))
    else {
      const counts = this.#countsOf(sessions, ended ? ENDED_MS : this.resumeMs)
      await records.put(counts).catch(() => {
        // The cluster says that it is without Redis. What lives is recorded when that is back.
        if (!ended) for (const session of sessions) this.grown(session)
      })
    }
  }

  /** All hosts have the same. */
  #recordsFor(session: Counted | undefined): HandledRecords | undefined {
    const host = session && this.#router.host(session.account.domain)
    return host && handledRecords(host)
  }

  async #write(counts: readonly Handled[]): Promise<void> {
    // Only the home of an account writes what is its own (ARCHITECTURE §9). One that cannot be reached goes without: a lower count does no harm.
    if (!this.#router.cluster.alone)
      await Promise.all(counts.map(count => this.#router.atHome.storeHandled(count).catch(() => {})))
    // All hosts have the same storage, and atomic need not be what is stored here.
    else
      for (let at = 0; at < counts.length; at += TOGETHER) {
        const some = counts.slice(at, at + TOGETHER)
        const host = this.#router.host(some[0]!.account.domain)!
        await host.storage.commit(some.map(count => handledWrite(host, count)))
      }
  }

  #countsOf(sessions: readonly Counted[], ttl: number): Handled[] {
    return sessions.flatMap(({ id, account, h }) => {
      const served = this.#router.host(account.domain) !== undefined
      return id === undefined || !served ? [] : { account, id, h, ttl }
    })
  }
}
