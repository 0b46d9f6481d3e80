/** What the writer thread does, apart from being a thread. */
import type { DatabaseSync } from 'node:sqlite'
import { firstIdAt } from '../archive-ids.ts'
import type { StorageError } from '../types.ts'
import { Background } from './background.ts'
import { makeFolder, openForWriting } from './database.ts'
import { Eraser } from './erase.ts'
import { storageError } from './errors.ts'
import { decodeGroup, type GroupMessage, type Outcome, type PackedOperation } from './group-message.ts'
import { GroupWriter } from './group-writer.ts'
import type { Moment } from './keys.ts'
import { type FolderLock, lockFolder } from './lock.ts'
import { Mover } from './mover.ts'
import { Names } from './names.ts'
import { RowReader } from './read-rows.ts'
import type { Answer, RowRequest } from './reader-message.ts'
import { WriteBehind } from './write-behind.ts'
import type { StoredTable, WriterData, WriterJob } from './writer-message.ts'

/** Pages of the write-ahead log (4 KiB each) after which they are moved into the database. */
const CHECKPOINT_PAGES = 1024
/** How often expired rows are looked for, ms, and how many are removed in a transaction. */
const SWEEP_MS = 60_000
const SWEEP_ROWS = 200
/** How long after a tombstone the write-ahead log is emptied, ms. */
const OVERWRITE_MS = 1000
/** How long after the last commit the rest of the log is indexed, ms. */
const IDLE_MS = 10_000

/** Rows written for an owner while older ones are being forgotten. */
interface Sparing {
  readonly owner: string
  readonly rows: Set<string>
}

/** The one who writes. Throws a `StorageError` when the folder cannot be locked or opened. */
export class Writer {
  readonly #lock: FolderLock
  readonly #db: DatabaseSync
  readonly #behind: WriteBehind
  readonly #groups: GroupWriter
  readonly #eraser: Eraser
  readonly #mover: Mover
  readonly #background = new Background({ fair: false })
  readonly #sparing = new Set<Sparing>()
  readonly #onProblem: (problem: StorageError) => void
  #rows: RowReader | undefined
  /** What the clock said with the last message, ms since 1970. */
  #now = 0
  #swept = 0
  #overwriting: NodeJS.Timeout | undefined
  /** Empties the write-ahead log after an erasure; it has not begun yet. */
  #emptying: Promise<void> | undefined
  #idle: NodeJS.Timeout | undefined
  #upkeepDue = false
  #closed = false

  constructor({ folder, synchronous }: WriterData, onProblem: (problem: StorageError) => void) {
    this.#onProblem = onProblem
    makeFolder(folder)
    this.#lock = lockFolder(folder)
    try {
      this.#db = openForWriting(folder, synchronous)
    } catch (error) {
      this.#lock.release()
      throw error
    }
    const names = new Names(this.#db)
    this.#behind = new WriteBehind(this.#db, synchronous)
    this.#groups = new GroupWriter(this.#db, names, this.#behind)
    this.#eraser = new Eraser({ db: this.#db, names, behind: this.#behind, groups: this.#groups })
    this.#mover = new Mover({ db: this.#db, names, behind: this.#behind, groups: this.#groups })
    this.#inBackground(this.#eraser.takeUp())
  }

  /** The tables stored so far. */
  tables(): StoredTable[] {
    return this.#db.prepare('SELECT name, kind FROM table_name').all() as unknown as StoredTable[]
  }

  /** Stores a group; see `GroupWriter.write`. */
  write(message: GroupMessage): Outcome[] {
    const commits = decodeGroup(message)
    this.#now = message.now
    const outcomes = this.#groups.write(commits, message.now)
    if (this.#sparing.size > 0) this.#spare(commits, outcomes)
    if (commits.some(commit => commit.some(({ kind }) => kind === 'replace'))) this.#overwriteSoon()
    if (!this.#upkeepDue) setImmediate(() => this.#upkeep(message.now))
    this.#upkeepDue = true
    return outcomes
  }

  /** Answers questions as the reader thread does, about all that was written before them. */
  read(requests: readonly RowRequest[]): Answer[] {
    this.#rows ??= new RowReader(this.#db)
    const rows = this.#rows
    return requests.map(request => rows.answer(request))
  }

  /** Does a job, after those that came before it. */
  work(job: WriterJob): Promise<void> {
    switch (job.task) {
      case 'purge': {
        const before = job.before === undefined ? Number.POSITIVE_INFINITY : firstIdAt(job.before) - 1
        const upTo = Math.min(this.#behind.last, before, Number(job.upTo ?? Number.POSITIVE_INFINITY))
        return this.#erase(this.#eraser.purge({ ...job, upTo, ids: job.ids?.map(Number) }))
      }
      case 'expire':
        return this.#erase(this.#eraser.expire(job))
      case 'forget':
        return this.#forget(job.owner)
      case 'restore':
        return this.#background.run(this.#mover.restore(job))
      case 'settle':
        this.#now = job.now
        return this.#background.run(this.#settle(job.now))
    }
  }

  /** Lets go of the folder. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#overwriting)
    clearTimeout(this.#idle)
    this.#background.stop()
    this.#db.close()
    this.#lock.release()
  }

  async #erase(steps: Generator<void>): Promise<void> {
    let emptied: Promise<void> | undefined
    await this.#background.run(
      followedBy(steps, () => {
        // Those that wait in line share what they all need at the end.
        this.#emptying ??= this.#background.run(this.#empty())
        emptied = this.#emptying
      }),
    )
    await emptied
  }

  *#empty(): Generator<void> {
    this.#emptying = undefined
    yield* this.#eraser.truncateLog()
  }

  async #forget(owner: string): Promise<void> {
    const sparing: Sparing = { owner, rows: new Set() }
    this.#sparing.add(sparing)
    try {
      await this.#erase(this.#eraser.forget(owner, this.#behind.last, sparing.rows))
    } finally {
      this.#sparing.delete(sparing)
    }
  }

  #spare(commits: readonly (readonly PackedOperation[])[], outcomes: readonly Outcome[]): void {
    for (const [index, commit] of commits.entries()) {
      const outcome = outcomes[index]!
      if ('error' in outcome || outcome.repeated || !outcome.swapped) continue
      // What was deleted is gone anyway.
      for (const operation of commit)
        if (operation.kind === 'put' || operation.kind === 'swap' || operation.kind === 'raise')
          for (const { owner, rows } of this.#sparing)
            if (owner === operation.owner) rows.add(`${operation.table}\0${operation.key}`)
    }
  }

  /** After a group was answered: what keeps the database in shape, a few ms of it. */
  #upkeep(now: number): void {
    this.#upkeepDue = false
    if (this.#closed) return
    try {
      if (this.#behind.due) this.#behind.slice()
      this.#checkpoint()
    } catch (error) {
      this.#onProblem(storageError(error))
    }
    if (this.#behind.waiting > 0) this.#indexWhenIdle()
    if (now - this.#swept < SWEEP_MS) return
    this.#swept = now
    this.#inBackground(this.#sweep(now))
    this.#inBackground(this.#behind.keys.turn(() => this.#moment()))
  }

  #indexWhenIdle(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#inBackground(this.#behind.flush()), IDLE_MS)
  }

  /** The write-ahead log still has what was replaced. */
  #overwriteSoon(): void {
    this.#overwriting ??= setTimeout(() => this.#inBackground(this.#overwrite()), OVERWRITE_MS)
  }

  *#overwrite(): Generator<void> {
    if (this.#overwriting === undefined) return
    clearTimeout(this.#overwriting)
    this.#overwriting = undefined
    yield* this.#eraser.truncateLog()
  }

  #inBackground(steps: Generator<void>): void {
    this.#background.run(steps).catch((error: unknown) => this.#onProblem(storageError(error)))
  }

  #checkpoint(): void {
    const state = this.#db.prepare('PRAGMA wal_checkpoint(NOOP)').get()
    const pages = Number(state?.log) - Number(state?.checkpointed)
    if (pages >= CHECKPOINT_PAGES) this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  }

  #moment(): Moment {
    return { now: this.#now, last: this.#behind.last }
  }

  *#settle(now: number): Generator<void> {
    yield* this.#behind.flush()
    yield* this.#sweep(now)
    yield* this.#behind.keys.turn(() => this.#moment())
    yield* this.#overwrite()
  }

  *#sweep(now: number): Generator<void> {
    const sweep = this.#db.prepare(`DELETE FROM item WHERE (table_id, owner, key) IN
      (SELECT table_id, owner, key FROM item WHERE expires <= ? LIMIT ${SWEEP_ROWS})`)
    while (sweep.run(now).changes === SWEEP_ROWS) yield
  }
}

function* followedBy(steps: Generator<void>, last: () => void): Generator<void> {
  yield* steps
  last()
}
