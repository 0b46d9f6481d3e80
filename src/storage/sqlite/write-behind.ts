/**
 * The archive index, written behind the log, and with it the counts and the keys: entries gather in memory, and are then written sorted by
 * owner, many per page of the index. That costs a few us an item; writing each entry when its item comes would cost about a hundred, a page of the index each.
 * What was not indexed at a crash is read from the log again.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { Arrivals } from './arrivals.ts'
import { Counters } from './counters.ts'
import { type Synchronous, unsynced } from './database.ts'
import { Keys } from './keys.ts'
import { entriesOf, type NewEntry, readLog } from './log-rows.ts'
import { listSegments } from './segments.ts'
import { indexedUpTo, type Progress } from './tail.ts'

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
  readonly entries: Arrivals
  readonly order: Uint32Array
  /** How much of `order` is done. */
  next: number
}

/** Keeps the index. Lives in the writer. */
export class WriteBehind {
  readonly counters: Counters
  readonly keys: Keys
  readonly #db: DatabaseSync
  readonly #synchronous: Synchronous
  readonly #pace: Pace
  readonly #inserts = new Map<number, StatementSync>()
  readonly #saveProgress: StatementSync
  #tail = new Arrivals()
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
    this.counters = new Counters(db)
    this.keys = new Keys(db)
    this.#saveProgress = db.prepare('UPDATE progress SET low = ?, high = ?, segment = ?, owner = ?, id = ?')
    this.#load()
  }

  /** The greatest id in the log. */
  get last(): number {
    return this.#last
  }

  /** Entries that came since the last round began. */
  get waiting(): number {
    return this.#tail.size
  }

  /** Whether entries should be written now. */
  get due(): boolean {
    return this.#round !== undefined || this.#tail.size >= this.#pace.round
  }

  /** Takes in an entry whose log row is committed. Its counter and its key are known already. */
  add(entry: NewEntry): void {
    this.#tail.add(entry)
    this.#last = entry.id
    this.#arrived++
  }

  /** Writes some entries, in a transaction; twice as many as came since the last time, so that arrivals never win. */
  slice(): void {
    const round = this.#round ?? this.#begin()
    const end = Math.min(round.order.length, round.next + Math.max(this.#pace.slice, 2 * this.#arrived))
    const some = Array.from(round.order.subarray(round.next, end), place => round.entries.at(place))
    unsynced(this.#db, this.#synchronous, () => this.#write(some, round, end))
    round.next = end
    this.#arrived = 0
    if (end < round.order.length) return
    this.#low = round.high
    this.#round = undefined
    this.counters.trim(this.#low)
  }

  /** Indexes all that is in the log now, slice by slice. */
  *flush(): Generator<void> {
    const end = this.#last
    while (this.#low < end) {
      this.slice()
      yield
    }
  }

  /** Indexes what is left at once: after `flush` that is little. */
  finish(): void {
    while (this.#low < this.#last) this.slice()
  }

  /**
   * Indexes items from another storage, whose ids may be those of any time: entries of one owner, in the order of their ids. In a transaction;
   * nothing else waits to be indexed. When that is committed, `moved` is to be called.
   */
  saveMoved(entries: readonly NewEntry[]): void {
    this.#writeEntries(entries)
    const low = Math.max(this.#low, entries.at(-1)?.id ?? 0)
    this.#saveProgress.run(low, low, 0, 0, 0)
  }

  /** Such entries are committed. */
  moved(entries: readonly NewEntry[]): void {
    for (const entry of entries) this.counters.restore(entry)
    this.#last = Math.max(this.#last, entries.at(-1)?.id ?? 0)
    this.#low = this.#last
    this.counters.trim(this.#low)
  }

  #begin(): Round {
    this.#round = roundOf(this.#tail, this.#last)
    this.#tail = new Arrivals()
    // Those are the round itself: without this its first slice would be all of it, and commits would wait 70 ms.
    this.#arrived = 0
    return this.#round
  }

  #write(entries: readonly NewEntry[], round: Round, end: number): void {
    this.#writeEntries(entries)
    const last = entries.at(-1)
    if (last === undefined || end === round.order.length)
      this.#saveProgress.run(round.high, round.high, 0, 0, 0)
    else this.#saveProgress.run(this.#low, round.high, last.segment, last.owner, last.id)
  }

  #writeEntries(entries: readonly NewEntry[]): void {
    /** The last entry of those of an owner that are counted together. */
    const counted = new Map<number, NewEntry>()
    let before: NewEntry | undefined
    for (const entry of entries) {
      if (entry.owner !== before?.owner || entry.segment !== before.segment) this.#saveCounts(counted)
      this.#insert(entry.segment).run(entry.owner, entry.id, entry.peer)
      counted.set(entry.counted, entry)
      before = entry
    }
    this.#saveCounts(counted)
    this.keys.save(entries)
  }

  #saveCounts(counted: Map<number, NewEntry>): void {
    for (const last of counted.values()) this.counters.save(last)
    counted.clear()
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
    const begun = new Arrivals()
    this.#low = progress.low
    this.#last = progress.last_id
    for (const { id: segment, archive } of listSegments(this.#db)) {
      for (const row of readLog(this.#db, segment, progress.low)) {
        this.#last = Math.max(this.#last, row.id)
        for (const entry of entriesOf(row, { archive, segment })) {
          if (row.id <= indexedUpTo(progress, segment, entry.owner)) continue
          const tail = row.id <= progress.high ? begun : this.#tail
          tail.add(entry)
          this.counters.restore(entry)
          this.keys.add(entry)
        }
      }
      const last = this.#db.prepare(`SELECT max(id) AS id FROM log_${segment}`).get()?.id
      if (typeof last === 'number') this.#last = Math.max(this.#last, last)
    }
    if (progress.high > progress.low) this.#round = roundOf(begun, progress.high)
  }
}

function roundOf(entries: Arrivals, high: number): Round {
  return { high, entries, order: entries.inOrder(), next: 0 }
}
