import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { NewEntry } from './log-rows.ts'

const MAX_CACHED = 50_000

/** How much has been counted together. */
export interface Counter {
  sequence: number
  unread: number
  /** The last item counted; 0 for none. */
  id: number
}

/**
 * Counts of archived items. Those of the table are as far as the index; the newer ones are here, and after a crash they are taken from the
 * rows of the log. Lives in the writer.
 */
export class Counters {
  /** By archive, owner, and what is counted together. */
  readonly #known = new Map<number, Map<number, Map<number, Counter>>>()
  readonly #load: StatementSync
  readonly #save: StatementSync
  readonly #forget: StatementSync
  #size = 0

  constructor(db: DatabaseSync) {
    const which = 'archive_id = ? AND owner = ? AND peer = ?'
    this.#load = db.prepare(`SELECT sequence, unread, id FROM counter WHERE ${which}`)
    this.#save = db.prepare(`INSERT INTO counter VALUES(?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET sequence = excluded.sequence, unread = excluded.unread, id = excluded.id`)
    this.#forget = db.prepare('DELETE FROM counter WHERE archive_id = ? AND owner = ? AND id <= ?')
  }

  /** The counter, to be changed by whoever appends. */
  of(archive: number, owner: number, counted: number): Counter {
    const counters = this.#of(archive, owner)
    const known = counters.get(counted)
    if (known !== undefined) return known
    const loaded = this.#load.get(archive, owner, counted)
    const counter = { sequence: 0, unread: 0, id: 0, ...(loaded as Counter | undefined) }
    counters.set(counted, counter)
    this.#size++
    return counter
  }

  #of(archive: number, owner: number): Map<number, Counter> {
    const owners = this.#known.get(archive) ?? new Map<number, Map<number, Counter>>()
    this.#known.set(archive, owners)
    const counters = owners.get(owner) ?? new Map<number, Counter>()
    owners.set(owner, counters)
    return counters
  }

  /** Takes in what a row of the log says; rows come in the order of their ids. */
  restore({ archive, owner, counted, sequence, unread, id }: NewEntry): void {
    Object.assign(this.of(archive, owner, counted), { sequence, unread, id })
  }

  /** Stores the count of an entry that is being indexed. In a transaction. */
  save({ archive, owner, counted, sequence, unread, id }: NewEntry): void {
    this.#save.run(archive, owner, counted, sequence, unread, id)
  }

  /** Makes room, if needed: what was last counted at `saved` or before is in the table. */
  trim(saved: number): void {
    if (this.#size <= MAX_CACHED) return
    this.#size = 0
    for (const owners of this.#known.values())
      for (const [owner, counters] of owners) {
        for (const [counted, { id }] of counters) if (id <= saved) counters.delete(counted)
        if (counters.size === 0) owners.delete(owner)
        this.#size += counters.size
      }
  }

  /** Forgets the counts of an owner in which nothing was counted after an id. In a transaction. */
  forget(archive: number, owner: number, upTo: number): void {
    this.#forget.run(archive, owner, upTo)
    const counters = this.#known.get(archive)?.get(owner)
    for (const [counted, { id }] of counters ?? []) if (id <= upTo) counters!.delete(counted)
  }
}
