import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../types.ts'
import type { Connection } from './connection.ts'
import { patiently } from './patience.ts'
import type { Slots } from './slots.ts'

/** How long a keyspace is held without a sign of life, seconds: as Cassandra counts, which may be one less. */
const HELD_SECONDS = 8
/** How long its holder counts on it, ms from before it asked. Attempts to write end before that, so nothing comes after it. */
const COUNTED_MS = 6_000
const RENEW_MS = 1_500
const POLL_MS = 250
/** A process that has died is waited for; one that renews is not. */
const PATIENCE_MS = 12_000
/** Cassandra is waited for, where it has just started. */
const START_MS = 60_000

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
  /** How long the keyspace is counted on, `performance.now()`. */
  #until = 0
  /** It may take slots. */
  #permitted = false
  /** All slots were taken since the keyspace was. */
  #taken = false
  #taking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #renewing: Promise<void> = Promise.resolve()
  #closed = false

  /** `count`: how many slots there are. */
  constructor(connection: Connection, slots: Slots, count: number) {
    this.#connection = connection
    this.#slots = slots
    this.#all = Array.from({ length: count }, (_, slot) => slot)
  }

  /**
   * Rejects as `in-use` where another process holds the keyspace, and as `permit` does, which is asked when this one holds it and before it takes
   * any slot.
   */
  async open(permit: () => Promise<void> = async () => {}): Promise<void> {
    let until: number | undefined
    while (!(await patiently(START_MS, () => this.#hold(TAKE, [this.#me])))) {
      until ??= performance.now() + PATIENCE_MS
      if (performance.now() > until)
        throw new StorageError('in-use', 'another process holds this keyspace of Cassandra')
      await delay(POLL_MS)
    }
    // From now on, for the slots of a cold ring may take longer than the keyspace is held.
    this.#schedule()
    try {
      await permit()
      this.#permitted = true
      await patiently(START_MS, () => this.#takeSlots())
    } catch (error) {
      await this.close()
      throw error
    }
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

  /** Takes the keyspace, or takes it for longer. */
  async #hold(query: string, params: readonly string[]): Promise<boolean> {
    const since = performance.now()
    if (!(await this.#compareAndSet(query, params))) return false
    this.#until = since + COUNTED_MS
    if (this.#taken) this.#slots.extend(this.#all, this.#until)
    return true
  }

  /** Takes all slots, once at a time: once more where somebody else may have had the keyspace meanwhile. */
  #takeSlots(): Promise<void> {
    this.#taking ??= (async () => {
      while (!this.#taken) {
        this.#taken = true
        await this.#slots.take(this.#all)
      }
      if (!this.#closed) this.#slots.extend(this.#all, this.#until)
    })()
      .catch((error: unknown) => {
        this.#taken = false
        throw error
      })
      .finally(() => {
        this.#taking = undefined
      })
    return this.#taking
  }

  /** Where it has run out meanwhile it is taken anew, unless somebody else has it. Never rejects: time runs out by itself. */
  async #renew(): Promise<void> {
    try {
      if (!(await this.#hold(RENEW, [this.#me, this.#me]))) {
        this.#taken = false
        if (!(await this.#hold(TAKE, [this.#me]))) return
      }
      // Not waited for: the keyspace is to be held meanwhile.
      if (this.#permitted && !this.#taken) void this.#takeSlots().catch(() => undefined)
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

/** Rejects as `in-use` while a process holds the keyspace alone: no node of a cluster may write then. */
export async function refuseWhileHeld(connection: Connection): Promise<void> {
  if ((await connection.serially(READ, [])).some(({ value }) => value !== null))
    throw new StorageError(
      'in-use',
      'a process that is no part of the cluster holds this keyspace of Cassandra',
    )
}
