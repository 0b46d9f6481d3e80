/**
 * Archived items from another storage, with the ids that they had there (`Archive.restore`). They are indexed and counted at once, in the
 * transaction that stores them: the index written behind is made for ids that grow. Lives in the writer.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { checkMoved } from '../archive-ids.ts'
import type { MovedRow } from '../engine.ts'
import { StorageError } from '../types.ts'
import { transaction } from './database.ts'
import type { GroupWriter } from './group-writer.ts'
import { FLAG, type NewEntry, NOBODY } from './log-rows.ts'
import type { Names } from './names.ts'
import { listSegments, Segments } from './segments.ts'
import type { WriteBehind } from './write-behind.ts'
import type { WriterJob } from './writer-message.ts'

/** The parts of the writer that are needed. */
export interface MoverParts {
  readonly db: DatabaseSync
  readonly names: Names
  readonly behind: WriteBehind
  readonly groups: GroupWriter
}

/** What the log has under an id. */
interface Held {
  readonly owner1: number
  readonly owner2: number
  readonly payload: Uint8Array
}

/** An item on its way into the log. */
interface Moved extends NewEntry {
  readonly resource: string
  /** The item that was counted before it; 0 for none. */
  readonly before: number
  readonly payload: Uint8Array
}

/** Takes such items in. */
export class Mover {
  readonly #db: DatabaseSync
  readonly #names: Names
  readonly #behind: WriteBehind
  readonly #groups: GroupWriter

  constructor({ db, names, behind, groups }: MoverParts) {
    this.#db = db
    this.#names = names
    this.#behind = behind
    this.#groups = groups
  }

  /** Stores the items of one call. */
  *restore(job: Extract<WriterJob, { task: 'restore' }>): Generator<void> {
    yield* this.#behind.flush()
    // Commits may have come between those steps, but nothing comes from here on.
    this.#behind.finish()
    try {
      const entries = transaction(this.#db, () => this.#store(job))
      this.#behind.moved(entries)
      this.#groups.passed(entries.at(-1)?.id ?? 0)
    } catch (error) {
      // Names of a transaction that was rolled back may never have been stored.
      this.#groups.reset()
      throw error
    }
  }

  #store({ archive: name, owner: address, rows, now }: Extract<WriterJob, { task: 'restore' }>): Moved[] {
    const archive = this.#names.archive(name)
    const owner = this.#names.address(address)
    checkMoved(rows, this.#lastOf(archive, owner), now)
    const segments = new Segments(this.#db)
    const lasts = new Map<number, number>()
    const entries = rows.map(row => this.#entry(row, { archive, owner, segments, lasts }))
    for (const [segment, own] of Map.groupBy(entries, entry => entry.segment)) {
      const place = placeIn(this.#db, segment)
      for (const entry of own) place(entry)
    }
    this.#behind.saveMoved(entries)
    return entries
  }

  /** The newest item of an owner; all are indexed. */
  #lastOf(archive: number, owner: number): number {
    const segments = listSegments(this.#db).filter(segment => segment.archive === archive)
    for (const { id } of segments.reverse()) {
      const last = this.#db.prepare(`SELECT max(id) AS id FROM index_${id} WHERE owner = ?`).get(owner)?.id
      if (typeof last === 'number') return last
    }
    return 0
  }

  #entry(
    { id: given, peer: full, payload, sequence, unread, counted: by }: MovedRow,
    {
      archive,
      owner,
      segments,
      lasts,
    }: { archive: number; owner: number; segments: Segments; lasts: Map<number, number> },
  ): Moved {
    const id = Number(given)
    const { address: peer, resource } = this.#names.peer(full)
    const counted = by === 'owner' ? NOBODY : peer
    const before = lasts.get(counted) ?? this.#behind.counters.of(archive, owner, counted).id
    lasts.set(counted, id)
    const segment = segments.for(archive, id).id
    return {
      ...{ archive, segment, owner, id, peer, resource, counted, before, payload },
      ...{ sequence, unread, key: undefined },
    }
  }
}

/** Puts items into the log of a segment: a row of its own, or a place in a row that is there. */
function placeIn(db: DatabaseSync, segment: number): (entry: Moved) => void {
  const find = db.prepare(`SELECT owner1, owner2, payload FROM log_${segment} WHERE id = ?`)
  const insert = db.prepare(`INSERT INTO log_${segment} VALUES(?, ?, ?, ?, ?, ?, ?,
    ${NOBODY}, ${NOBODY}, '', 0, 0, 0, ?, NULL, NULL, ?)`)
  const sides = [joinStatement(db, segment, 1), joinStatement(db, segment, 2)] as const
  const stub = db.prepare(`INSERT OR REPLACE INTO stub_${segment} VALUES(?, ?, ?)`)
  return entry => {
    const { id, owner, peer, resource, sequence, unread, before, counted, payload } = entry
    const byOwner = counted === NOBODY
    const held = find.get(id) as Held | undefined
    if (held === undefined) {
      const flags = FLAG.always | (byOwner ? FLAG.byOwner1 : 0)
      insert.run(id, owner, peer, resource, sequence, unread, before, flags, payload)
      return
    }
    const side = freeSide(held, owner)
    // The other side may have erased or replaced what it had: then this one sees a payload of its own.
    const differs = Buffer.compare(held.payload, payload) !== 0
    const flags = (differs ? FLAG[`stub${side}`] : 0) | (byOwner ? FLAG[`byOwner${side}`] : 0)
    sides[side - 1]!.run(owner, peer, resource, sequence, unread, before, flags, id)
    if (differs) stub.run(owner, id, payload)
  }
}

function joinStatement(db: DatabaseSync, segment: number, side: 1 | 2): StatementSync {
  const own = FLAG[`stub${side}`] | FLAG[`byOwner${side}`]
  const columns = ['owner', 'peer', 'resource', 'sequence', 'unread', 'before']
  // A key is that of the first owner.
  const key = side === 1 ? ', key_high = NULL, key_low = NULL' : ''
  return db.prepare(`UPDATE log_${segment} SET ${columns.map(column => `${column}${side} = ?`).join()},
    flags = (flags & ~${own}) | ?${key} WHERE id = ?`)
}

/** The side of a row that an owner may take: its own that was erased, nobody's, or one that another owner has been erased from. */
function freeSide({ owner1, owner2 }: Held, owner: number): 1 | 2 {
  if (owner1 === ~owner) return 1
  if (owner2 === ~owner || owner2 <= NOBODY) return 2
  if (owner1 <= NOBODY) return 1
  throw new StorageError('invalid', 'the id of an item is that of another one here')
}
