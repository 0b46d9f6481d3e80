import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../types.ts'
import type { Connection } from './connection.ts'
import type { Slots } from './slots.ts'

/** How long a keyspace is held without a sign of life, seconds: as Cassandra counts, which may be one less. */
const HELD_SECONDS = 8
/** How long its holder counts on it, ms from before it asked. Attempts to write end before that, so nothing comes after it. */
const COUNTED_MS = 6_000
const RENEW_MS = 1_500
const POLL_MS = 250
/** A process that has died is waited for; one that renews is not. */
const PATIENCE_MS = 12_000

const TAKE = `INSERT INTO meta (name, value) VALUES ('holder', ?) IF NOT EXISTS USING TTL ${HELD_SECONDS}`
const RENEW = `UPDATE meta USING TTL ${HELD_SECONDS} SET value = ? WHERE name = 'holder' IF value = ?`
const RELEASE = `DELETE FROM meta WHERE name = 'holder' IF value = ?`
const READ = `SELECT value FROM meta WHERE name = 'holder'`

/** Holds all slots of a keyspace for a process that is no part of a cluster, so that a second one is refused. */
export class LoneHolder {
  readonly #connection: Connection
  readonly #slots: Slots
  readonly #all: readonly number[]
  readonly #me = randomUUID()
  #timer: NodeJS.Timeout | undefined
  #renewing: Promise<void> = Promise.resolve()
  #closed = false

  /** `count`: how many slots there are. */
  constructor(connection: Connection, slots: Slots, count: number) {
    this.#connection = connection
    this.#slots = slots
    this.#all = Array.from({ length: count }, (_, slot) => slot)
  }

  /** Rejects as `in-use` where another process holds the keyspace. */
  async open(): Promise<void> {
    for (const until = performance.now() + PATIENCE_MS; !(await this.#take()); await delay(POLL_MS))
      if (performance.now() > until)
        throw new StorageError('in-use', 'another process holds this keyspace of Cassandra')
    this.#schedule()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#renewing
    this.#slots.extend(this.#all, 0)
    await this.#compareAndSet(RELEASE, [this.#me])
  }

  #schedule(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#renewing = this.#renew().finally(() => this.#schedule())
    }, RENEW_MS)
    this.#timer.unref()
  }

  /** Takes the keyspace, and with it all slots. */
  async #take(): Promise<boolean> {
    const since = performance.now()
    if (!(await this.#compareAndSet(TAKE, [this.#me]))) return false
    await this.#slots.take(this.#all)
    this.#slots.extend(this.#all, since + COUNTED_MS)
    return true
  }

  /** Where it has run out meanwhile it is taken anew, unless somebody else has it. Never rejects: time runs out by itself. */
  async #renew(): Promise<void> {
    const since = performance.now()
    try {
      if (await this.#compareAndSet(RENEW, [this.#me, this.#me]))
        this.#slots.extend(this.#all, since + COUNTED_MS)
      else await this.#take()
    } catch {
      // Cassandra does not answer: commits are refused when the time is over, and there is a next turn.
    }
  }

  /** Whether it was done; where no answer came, what is there tells. */
  async #compareAndSet(query: string, params: readonly string[]): Promise<boolean> {
    const applied = await this.#connection.compareAndSet([{ query, params }])
    if (applied !== undefined) return applied
    return (await this.#connection.serially(READ, []))[0]?.value === this.#me
  }
}
