import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { IdSequence } from '../archive-ids.ts'
import type { PackedAppend } from './group-message.ts'
import { FLAG, type NewEntry, NOBODY } from './log-rows.ts'
import type { Names } from './names.ts'
import { Segments } from './segments.ts'
import type { WriteBehind } from './write-behind.ts'

/** A new entry, and what it takes to take it back. */
export interface Appended extends NewEntry {
  readonly resource: string
  /** What it added to the unread ones: 0 or 1. */
  readonly unreadMore: number
  /** The item that was counted before it; 0 for none. So the items with a peer are a chain, from the last one back. */
  readonly before: number
}

/** A row about to be written: one payload for up to two owners. */
interface OpenRow {
  /** One or two; if one of them has a key it is the first. */
  readonly owners: Appended[]
  readonly payload: Uint8Array
}

/** Adds rows to the archive log. Lives in the writer; all calls are inside a transaction. */
export class LogWriter {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #ids: IdSequence
  readonly #behind: WriteBehind
  readonly #segments: Segments
  readonly #inserts = new Map<number, StatementSync>()

  constructor(db: DatabaseSync, names: Names, ids: IdSequence, behind: WriteBehind) {
    this.#db = db
    this.#names = names
    this.#ids = ids
    this.#behind = behind
    this.#segments = new Segments(db)
  }

  /** Writes the appends of one commit; adds to `entries` what follows from them. Returns id, sequence and unread of each, in their order. */
  append(appends: readonly PackedAppend[], now: number, entries: Appended[]): number[] {
    const rows: OpenRow[] = []
    const given: number[] = []
    for (const append of appends) {
      const { id, sequence, unread } = this.#place(append, now, rows, entries)
      given.push(id, sequence, unread)
    }
    for (const row of rows) this.#write(row)
    return given
  }

  /** Finds or makes the place of an append in a row. */
  #place(append: PackedAppend, now: number, rows: OpenRow[], entries: Appended[]): Appended {
    const archive = this.#names.archive(append.archive)
    const owner = this.#names.address(append.owner)
    const row = rowOf(rows, append.payload, archive)
    // Both sides of a message to oneself are one item.
    const [first, second] = row?.owners ?? []
    if (first?.owner === owner) return first
    if (second?.owner === owner) return second
    const joins =
      row !== undefined && second === undefined && (append.key === undefined || first!.key === undefined)
    const id = joins ? first!.id : this.#ids.next(now)
    const segment = joins ? first!.segment : this.#segments.for(archive, id).id
    const entry = this.#count(append, archive, segment, owner, id)
    entries.push(entry)
    if (!joins) rows.push({ owners: [entry], payload: append.payload })
    else if (entry.key === undefined) row.owners.push(entry)
    else row.owners.unshift(entry)
    return entry
  }

  #count(append: PackedAppend, archive: number, segment: number, owner: number, id: number): Appended {
    const { address: peer, resource } = this.#names.peer(append.peer)
    const counted = append.byOwner ? NOBODY : peer
    const counter = this.#behind.counters.of(archive, owner, counted)
    const unreadMore = append.unread ? 1 : 0
    const before = counter.id
    counter.sequence++
    counter.unread += unreadMore
    counter.id = id
    const { sequence, unread } = counter
    const { key } = append
    const entry = {
      archive,
      segment,
      owner,
      id,
      peer,
      resource,
      counted,
      sequence,
      unread,
      unreadMore,
      before,
      key,
    }
    this.#behind.keys.add(entry)
    return entry
  }

  /** Takes back what entries did to counts and keys; the newest last. */
  undo(entries: readonly Appended[]): void {
    for (const entry of entries.toReversed()) {
      const counter = this.#behind.counters.of(entry.archive, entry.owner, entry.counted)
      counter.sequence--
      counter.unread -= entry.unreadMore
      counter.id = entry.before
      this.#behind.keys.remove(entry)
    }
  }

  #write({ owners, payload }: OpenRow): void {
    const [first, second] = owners as [Appended, Appended | undefined]
    const flags =
      FLAG.always |
      (first.counted === first.peer ? 0 : FLAG.byOwner1) |
      (second === undefined || second.counted === second.peer ? 0 : FLAG.byOwner2)
    const { id, owner, peer, resource, sequence, unread, before, key } = first
    this.#insert(first.segment).run(
      id,
      owner,
      peer,
      resource,
      sequence,
      unread,
      before,
      second?.owner ?? NOBODY,
      second?.peer ?? NOBODY,
      second?.resource ?? '',
      second?.sequence ?? 0,
      second?.unread ?? 0,
      second?.before ?? 0,
      flags,
      key?.high ?? null,
      key?.low ?? null,
      payload,
    )
  }

  #insert(segment: number): StatementSync {
    const known = this.#inserts.get(segment)
    if (known !== undefined) return known
    const places = Array.from({ length: 17 }, () => '?').join()
    const insert = this.#db.prepare(`INSERT INTO log_${segment} VALUES(${places})`)
    this.#inserts.set(segment, insert)
    return insert
  }

  /** After a rollback, or when segments were dropped. */
  reset(): void {
    this.#inserts.clear()
    this.#segments.reset()
  }
}

/** The last row with this payload, in an archive. */
function rowOf(rows: readonly OpenRow[], payload: Uint8Array, archive: number): OpenRow | undefined {
  for (let index = rows.length - 1; index >= 0; index--) {
    const row = rows[index]!
    if (row.payload === payload && row.owners[0]!.archive === archive) return row
  }
  return undefined
}
