/**
 * The archive index, written behind the log: entries gather in memory, and are then written sorted by owner, many per page of the index.
 * That costs a few us an item; writing each entry when its item comes would cost about a hundred, a page of the index each.
 * What was not indexed at a crash is read from the log again.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Synchronous, unsynced } from './database.ts'
import { listSegments } from './segments.ts'
import { indexedUpTo, type Progress, Tail, type TailList } from './tail.ts'

/** How much is done when. */
export interface Pace {
  /** Entries to gather before a round of indexing starts. */
  readonly round: number
  /** Entries written in one transaction, at least. */
  readonly slice: number
}

/** A slice takes about 2 ms. */
const PACE: Pace = { round: 16_384, slice: 512 }

/** One pass over what had gathered when it began: all entries up to the id `high`. */
interface Round {
  readonly high: number
  readonly lists: readonly TailList[]
  list: number
  entry: number
}

/** Keeps the index. Lives in the writer. */
export class WriteBehind {
  readonly #db: DatabaseSync
  readonly #synchronous: Synchronous
  readonly #pace: Pace
  readonly #inserts = new Map<number, StatementSync>()
  readonly #saveProgress: StatementSync
  #tail = new Tail()
  #round: Round | undefined
  #low = 0
  /** The greatest id in the log. */
  #last = 0
  /** Entries that came since the last slice. */
  #arrived = 0

  /** `synchronous` is what holds for the database. */
  constructor(db: DatabaseSync, synchronous: Synchronous, pace = PACE) {
    this.#db = db
    this.#synchronous = synchronous
    this.#pace = pace
    this.#saveProgress = db.prepare('UPDATE progress SET low = ?, high = ?, segment = ?, owner = ?, id = ?')
    this.#load()
  }

  /** The greatest id in the log. */
  get last(): number {
    return this.#last
  }

  /** Whether entries should be written now. */
  get due(): boolean {
    return this.#round !== undefined || this.#tail.size >= this.#pace.round
  }

  /** Takes in an entry whose log row is committed. */
  add(segment: number, owner: number, id: number, peer: number): void {
    this.#tail.add(segment, owner, { id, peer })
    this.#last = id
    this.#arrived++
  }

  /** Writes some entries, in a transaction; twice as many as came since the last time, so that arrivals never win. */
  slice(): void {
    const round = this.#round ?? this.#begin()
    const count = Math.max(this.#pace.slice, 2 * this.#arrived)
    const { list, entry } = round
    try {
      unsynced(this.#db, this.#synchronous, () => this.#write(round, count))
    } catch (error) {
      Object.assign(round, { list, entry })
      throw error
    }
    this.#arrived = 0
    if (round.list < round.lists.length) return
    this.#low = round.high
    this.#round = undefined
  }

  /** Indexes all that is in the log now, slice by slice. */
  *flush(): Generator<void> {
    const end = this.#last
    while (this.#low < end) {
      this.slice()
      yield
    }
  }

  #begin(): Round {
    this.#round = { high: this.#last, lists: this.#tail.inOrder(), list: 0, entry: 0 }
    this.#tail = new Tail()
    return this.#round
  }

  #write(round: Round, count: number): void {
    let done = { segment: 0, owner: 0, id: 0 }
    for (; count > 0 && round.list < round.lists.length; round.list++, round.entry = 0) {
      const { segment, owner, entries } = round.lists[round.list]!
      const insert = this.#insert(segment)
      const end = Math.min(entries.length, round.entry + count)
      count -= end - round.entry
      for (; round.entry < end; round.entry++)
        insert.run(owner, entries[round.entry]!.id, entries[round.entry]!.peer)
      done = { segment, owner, id: entries[end - 1]!.id }
      if (end < entries.length) break
    }
    const finished = round.list === round.lists.length
    if (finished) this.#saveProgress.run(round.high, round.high, 0, 0, 0)
    else this.#saveProgress.run(this.#low, round.high, done.segment, done.owner, done.id)
  }

  #insert(segment: number): StatementSync {
    const known = this.#inserts.get(segment)
    if (known !== undefined) return known
    const insert = this.#db.prepare(`INSERT INTO index_${segment}(owner, id, peer) VALUES(?, ?, ?)`)
    this.#inserts.set(segment, insert)
    return insert
  }

  /** Segments were dropped: nothing of them is in the tail, because they were flushed before. */
  reset(): void {
    this.#inserts.clear()
  }

  /** Takes up where the last process stopped. */
  #load(): void {
    const progress = this.#db.prepare('SELECT * FROM progress').get() as unknown as Progress & {
      last_id: number
    }
    const begun = new Tail()
    this.#low = progress.low
    this.#last = progress.last_id
    for (const segment of listSegments(this.#db)) {
      for (const row of readLog(this.#db, segment.id, progress.low)) {
        this.#last = Math.max(this.#last, row.id)
        for (const { owner, peer } of ownersOf(row)) {
          const tail = row.id <= progress.high ? begun : this.#tail
          if (row.id > indexedUpTo(progress, segment.id, owner))
            tail.add(segment.id, owner, { id: row.id, peer })
        }
      }
      const last = this.#db.prepare(`SELECT max(id) AS id FROM log_${segment.id}`).get()?.id
      if (typeof last === 'number') this.#last = Math.max(this.#last, last)
    }
    if (progress.high > progress.low)
      this.#round = { high: progress.high, lists: begun.inOrder(), list: 0, entry: 0 }
  }
}

/** A row of the log without its payload. */
export interface LogRow {
  readonly id: number
  readonly owner1: number
  readonly peer1: number
  readonly owner2: number
  readonly peer2: number
}

/** Rows of a segment after an id. */
export function readLog(db: DatabaseSync, segment: number, after: number): Iterable<LogRow> {
  const select = `SELECT id, owner1, peer1, owner2, peer2 FROM log_${segment} WHERE id > ? ORDER BY id`
  return db.prepare(select).iterate(after) as unknown as Iterable<LogRow>
}

/** Whose the row is. Owner 1 is nobody; an erased one is negative (erase.ts). */
export function ownersOf(row: LogRow): { owner: number; peer: number }[] {
  const owners: { owner: number; peer: number }[] = []
  if (row.owner1 > 1) owners.push({ owner: row.owner1, peer: row.peer1 })
  if (row.owner2 > 1) owners.push({ owner: row.owner2, peer: row.peer2 })
  return owners
}
