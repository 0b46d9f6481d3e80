import type { IdRange } from '../archive-ids.ts'
import type { ArchiveView } from './archive-view.ts'
import { FLAG } from './log-rows.ts'
import type { Segment } from './segments.ts'
import type { TailEntry } from './tail.ts'

/** Whose items, as numbers of addresses. */
export interface Subject {
  readonly owner: number
  /** `undefined` for all peers. */
  readonly peer: number | undefined
  /** `undefined` for all resources. */
  readonly resource: string | undefined
}

/** An archived item, as a row of a query; the peer is the number of an address. */
export type FoundEntry = readonly [
  id: number,
  peer: number,
  resource: string,
  sequence: number,
  unread: number,
  payload: Uint8Array,
]

/** A range for this step, and where the next one begins: `undefined` after the last. */
export type Step = [step: IdRange, next: number | undefined]

/** An item of a chain: the row as its owner sees it, and where the chain goes on. */
export interface Link {
  /** Whether the owner still has it, and it is of the resource that is asked for. */
  readonly own: boolean
  /** The item with the same peer before this one; 0 for none. */
  readonly before: number
}

/** What its owner (?1) sees of a row of the log. */
const side = (column: string) => `iif(owner1 = ?1, ${column}1, ${column}2)`
const RESOURCE = side('resource')
const SEEN = `${RESOURCE} AS resource, ${side('sequence')} AS sequence, ${side('unread')} AS unread,
  iif(flags & iif(owner1 = ?1, ${FLAG.stub1}, ${FLAG.stub2}),
    (SELECT stub.payload FROM $stub AS stub WHERE stub.owner = ?1 AND stub.id = log.id), log.payload) AS payload`
const IN_RANGE = 'owner = ?1 AND id >= ?2 AND id < ?3 AND (?4 IS NULL OR peer = ?4)'
const OF_RESOURCE = `(?5 IS NULL OR ${RESOURCE} = ?5)`

const INDEXED = (order: 'ASC' | 'DESC') => `SELECT id, peer, ${SEEN} FROM $index JOIN $log AS log USING(id)
  WHERE ${IN_RANGE} AND ${OF_RESOURCE} ORDER BY id ${order} LIMIT ?6`
const ASCENDING = INDEXED('ASC')
const DESCENDING = INDEXED('DESC')
const ONE = `SELECT id, ?3 AS peer, ${SEEN} FROM $log AS log WHERE id = ?2`
const COUNT = `SELECT count(*) AS looked, total(?4 IS NULL OR peer = ?4) AS matches FROM $index
  WHERE owner = ?1 AND id >= ?2 AND id < ?3`
const COUNT_OF_RESOURCE = `SELECT count(*) AS looked, total(peer = ?4 AND ${RESOURCE} = ?5) AS matches
  FROM $index JOIN $log USING(id) WHERE owner = ?1 AND id >= ?2 AND id < ?3`
const SKIP = (order: 'ASC' | 'DESC') =>
  `SELECT id FROM $index WHERE owner = ? AND id >= ? AND id < ? ORDER BY id ${order} LIMIT 1 OFFSET ?`

// An erased owner is the complement (erase.ts); one row is in the chains of both.
const LINK = `SELECT (owner1 = ?1 OR owner2 = ?1) AND (?3 IS NULL OR ${RESOURCE} = ?3) AS own,
  iif(owner1 IN (?1, ~?1), before1, before2) AS before FROM $log WHERE id = ?2`

/** What an owner has in one segment. All that the index lacks of it is newer than all that it has. */
export class OwnerSegment {
  readonly id: number
  /** Its ids: from `low` up to, but not including, `high`. */
  readonly low: number
  readonly high: number
  readonly #view: ArchiveView
  readonly #owner: number
  readonly #peer: number | null
  readonly #resource: string | null
  readonly #stepEntries: number

  /** `stepEntries`: how many entries of the index to look at in one step. */
  constructor(view: ArchiveView, segment: Segment, subject: Subject, stepEntries: number) {
    this.#stepEntries = stepEntries
    this.id = segment.id
    this.low = segment.low
    this.high = segment.high
    this.#view = view
    this.#owner = subject.owner
    this.#peer = subject.peer ?? null
    this.#resource = subject.resource ?? null
  }

  /** Cuts a step from the start of a range. With all peers every entry counts, so the `limit` of `indexed` ends the step as well, if it has one. */
  stepUp({ low, high }: IdRange, limit: number): Step {
    const next = this.#peer === null && limit >= 0 ? undefined : this.#skip(low, high, 'ASC')
    return [{ low, high: next ?? high }, next]
  }

  /** Cuts a step from the end of a range. */
  stepDown({ low, high }: IdRange, limit: number): Step {
    const last = this.#peer === null && limit >= 0 ? undefined : this.#skip(low, high, 'DESC')
    const next = last === undefined ? undefined : last + 1
    return [{ low: next ?? low, high }, next]
  }

  #skip(low: number, high: number, order: 'ASC' | 'DESC'): number | undefined {
    return this.#view.in(this.id, SKIP(order)).get(this.#owner, low, high, this.#stepEntries)?.id as
      | number
      | undefined
  }

  /** Entries of the index, with their payloads; `limit` -1 for all. */
  indexed({ low, high }: IdRange, order: 'ASC' | 'DESC', limit: number): Iterable<FoundEntry> {
    const statement = this.#view.in(this.id, order === 'ASC' ? ASCENDING : DESCENDING, true)
    const rows = statement.iterate(this.#owner, low, high, this.#peer, this.#resource, limit)
    return rows as unknown as Iterable<FoundEntry>
  }

  /** Whether the owner has more entries in the index than this, with whomever. */
  hasMoreThan(count: number, { low, high }: IdRange): boolean {
    return this.#view.in(this.id, SKIP('ASC')).get(this.#owner, low, high, count) !== undefined
  }

  /** How many entries the index has, and how many of them match. */
  countIndexed({ low, high }: IdRange): { looked: number; matches: number } {
    const range = [this.#owner, low, high, this.#peer] as const
    const found =
      this.#resource === null
        ? this.#view.in(this.id, COUNT).get(...range)
        : this.#view.in(this.id, COUNT_OF_RESOURCE).get(...range, this.#resource)
    return { looked: Number(found?.looked), matches: Number(found?.matches) }
  }

  /** Entries that the index lacks, oldest first. */
  unindexed(range: IdRange): readonly TailEntry[] {
    const entries = this.#view.unindexed(this.id, this.#owner, range)
    if (this.#peer === null) return entries
    return entries.filter(entry => entry.peer === this.#peer && this.#isOfResource(entry))
  }

  #isOfResource({ id }: TailEntry): boolean {
    if (this.#resource === null) return true
    const row = this.#view.in(this.id, `SELECT ${RESOURCE} AS resource FROM $log WHERE id = ?2`)
    return row.get(this.#owner, id)?.resource === this.#resource
  }

  /** The item with this id as a link of the chain of its peer; `undefined` when it is not there any more. */
  link(id: number): Link | undefined {
    const row = this.#view.in(this.id, LINK).get(this.#owner, id, this.#resource)
    return row && { own: row.own === 1, before: Number(row.before) }
  }

  /** The entry with this id, if it is there. */
  find(id: number): FoundEntry | undefined {
    const range = { low: id, high: id + 1 }
    for (const entry of this.indexed(range, 'ASC', 1)) return entry
    for (const entry of this.unindexed(range)) return this.withPayload(entry)
    return undefined
  }

  /** Reads what belongs to an entry of the tail. */
  withPayload({ id, peer }: TailEntry): FoundEntry {
    return this.#view.in(this.id, ONE, true).get(this.#owner, id, peer) as unknown as FoundEntry
  }
}
