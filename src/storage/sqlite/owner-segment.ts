import type { IdRange } from '../archive-ids.ts'
import type { ArchiveView } from './archive-view.ts'
import type { Segment } from './segments.ts'
import type { TailEntry } from './tail.ts'

/** Whose items, as numbers of addresses. */
export interface Subject {
  readonly owner: number
  /** `undefined` for all peers. */
  readonly peer: number | undefined
}

/** An archived item; the peer is the number of an address. */
export interface FoundEntry extends TailEntry {
  readonly payload: Uint8Array
}

/** A range for this step, and where the next one begins: `undefined` after the last. */
export type Step = [step: IdRange, next: number | undefined]

/** What an owner has in one segment. All that the index lacks of it is newer than all that it has. */
export class OwnerSegment {
  readonly id: number
  readonly #view: ArchiveView
  readonly #owner: number
  readonly #peer: number | null
  readonly #stepEntries: number

  /** `stepEntries`: how many entries of the index to look at in one step. */
  constructor(view: ArchiveView, segment: Segment, subject: Subject, stepEntries: number) {
    this.#stepEntries = stepEntries
    this.id = segment.id
    this.#view = view
    this.#owner = subject.owner
    this.#peer = subject.peer ?? null
  }

  /** Cuts a step from the start of a range. With all peers every entry counts, so the limit of `indexed` ends the step as well. */
  stepUp({ low, high }: IdRange, always = false): Step {
    const next = this.#peer === null && !always ? undefined : this.#skip(low, high, 'ASC')
    return [{ low, high: next ?? high }, next]
  }

  /** Cuts a step from the end of a range. */
  stepDown({ low, high }: IdRange): Step {
    const last = this.#peer === null ? undefined : this.#skip(low, high, 'DESC')
    const next = last === undefined ? undefined : last + 1
    return [{ low: next ?? low, high }, next]
  }

  #skip(low: number, high: number, order: 'ASC' | 'DESC'): number | undefined {
    const sql = `SELECT id FROM $index WHERE owner = ? AND id >= ? AND id < ? ORDER BY id ${order} LIMIT 1 OFFSET ?`
    return this.#view.in(this.id, sql).get(this.#owner, low, high, this.#stepEntries)?.id as
      | number
      | undefined
  }

  /** Entries of the index, with their payloads. */
  indexed({ low, high }: IdRange, order: 'ASC' | 'DESC', limit: number): Iterable<FoundEntry> {
    const sql = `SELECT id, peer, payload FROM $index JOIN $log USING(id)
      WHERE owner = ?1 AND id >= ?2 AND id < ?3 AND (?4 IS NULL OR peer = ?4) ORDER BY id ${order} LIMIT ?5`
    const rows = this.#view.in(this.id, sql).iterate(this.#owner, low, high, this.#peer, limit)
    return rows as unknown as Iterable<FoundEntry>
  }

  /** How many entries the index has. */
  countIndexed({ low, high }: IdRange): number {
    const sql = `SELECT count(*) AS entries FROM $index WHERE owner = ?1 AND id >= ?2 AND id < ?3 AND (?4 IS NULL OR peer = ?4)`
    return Number(this.#view.in(this.id, sql).get(this.#owner, low, high, this.#peer)?.entries)
  }

  /** Entries that the index lacks, oldest first. */
  unindexed(range: IdRange): readonly TailEntry[] {
    const entries = this.#view.unindexed(this.id, this.#owner, range)
    return this.#peer === null ? entries : entries.filter(({ peer }) => peer === this.#peer)
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
    const row = this.#view.in(this.id, 'SELECT payload FROM $log WHERE id = ?').get(id)
    return { id, peer, payload: row!.payload as Uint8Array }
  }
}
