import type { PurgeQuery } from '../types.ts'
import type { Statement, Value } from './connection.ts'
import { inParallel } from './gate.ts'
import type { GroupParts } from './group.ts'
import type { Lanes } from './lanes.ts'
import { type Bucket, bucketOf, KEY_MS, type OwnerArchive } from './owner-archive.ts'
import { archiveEntry } from './owners.ts'
import type { Tables } from './tables.ts'

/** Owners whose old items are erased at once. */
const OWNERS_AT_ONCE = 8
/** How long a key outlives its item, seconds: a key holds for a day. */
const KEY_SECONDS = 2 * 86_400
const KEYS_AT_ONCE = 100

const DROP_BUCKET = 'DELETE FROM items USING TIMESTAMP ? WHERE archive = ? AND owner = ? AND bucket = ?'
const DROP_UP_TO = `${DROP_BUCKET} AND id <= ?`
const DROP_IDS = `${DROP_BUCKET} AND id IN ?`
const NO_BUCKET = 'DELETE FROM buckets USING TIMESTAMP ? WHERE archive = ? AND owner = ? AND bucket = ?'
const FIRST_AT =
  'SELECT id FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND time >= ? LIMIT 1 ALLOW FILTERING'
const OLD_IDS = 'SELECT id, time FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND id IN ?'
const SAVE_KEY = `INSERT INTO keys (archive, owner, key, id, time) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ${KEY_SECONDS}`
const FORGET_ROWS = 'DELETE FROM rows USING TIMESTAMP ? WHERE owner = ?'
const FORGET = ['buckets', 'counts', 'keys'].map(
  table => `DELETE FROM ${table} USING TIMESTAMP ? WHERE archive = ? AND owner = ?`,
)

/** What erases. */
export interface EraserParts extends GroupParts {
  readonly tables: Tables
  readonly lanes: Lanes
}

/** Purge, retention and forget. Old items go by few deletions: buckets as a whole, and one range of the bucket where the limit lies. */
export class Eraser {
  readonly #parts: EraserParts
  #closed = false

  constructor(parts: EraserParts) {
    this.#parts = parts
  }

  /** What has not begun does not begin any more. */
  close(): void {
    this.#closed = true
  }

  /** See `Archive.purge`. */
  purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    return this.#parts.lanes.run([owner], () => this.#purge(archive, owner, query))
  }

  /** See `Archive.expire`. Other processes see to the owners whose homes they are. */
  async expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    const { owners, slots, archives } = this.#parts
    for await (const some of pagesOf(owners.all(archiveEntry(archive))))
      await inParallel(some, OWNERS_AT_ONCE, async owner => {
        if (this.#closed || !slots.holds(owner)) return
        if (domain !== undefined && domainOf(owner) !== domain) return
        const [oldest] = await archives.buckets(archive, owner)
        if (oldest !== undefined && oldest.time < before) await this.purge(archive, owner, { before })
      })
  }

  async #purge(archive: string, owner: string, query: PurgeQuery): Promise<void> {
    const opened = await this.#parts.archives.open(archive, owner)
    if (opened.buckets.length === 0) return
    // What is erased cannot be counted again, nor its keys be read.
    await this.#parts.archives.saveCounts(opened)
    if (query.ids === undefined) {
      const limit = await this.#limitOf(opened, query)
      await this.#saveKeys(opened, id => id <= limit)
      await this.#eraseUpTo(opened, limit)
    } else {
      const wanted = new Set(query.ids)
      await this.#saveKeys(opened, id => wanted.has(id))
      await this.#eraseIds(opened, query.ids, query)
    }
  }

  /** Writes down the keys of what is going to be erased. */
  async #saveKeys(opened: OwnerArchive, goes: (id: bigint) => boolean): Promise<void> {
    const { connection, archives, slots, clock } = this.#parts
    const { archive, owner, term } = opened
    await archives.loadKeys(opened)
    const oldest = clock.now() - KEY_MS
    const stamp = slots.stamp(term)
    const wanted = Array.from(opened.keys ?? []).filter(
      ([, { id, time, saved }]) => !saved && time >= oldest && goes(id),
    )
    for (let at = 0; at < wanted.length; at += KEYS_AT_ONCE) {
      const some = wanted.slice(at, at + KEYS_AT_ONCE)
      const statements = some.map(([key, { id, time }]): Statement => {
        return { query: SAVE_KEY, params: [archive, owner, key, id, BigInt(time), stamp] }
      })
      await connection.write(statements, { until: () => term.until })
      for (const [, known] of some) known.saved = true
    }
  }

  /** The greatest id that a purge concerns. */
  async #limitOf(opened: OwnerArchive, { before, upTo }: PurgeQuery): Promise<bigint> {
    const { archive, owner, buckets, last } = opened
    let limit = upTo === undefined || upTo > last ? last : upTo
    if (before === undefined) return limit
    const time = BigInt(Math.ceil(before))
    for (const [n, { first, time: begun }] of buckets.entries()) {
      const next = buckets[n + 1]
      // All of this bucket are older.
      if (next !== undefined && next.time < before) continue
      const row =
        begun >= before
          ? { id: first }
          : await this.#parts.connection.one(FIRST_AT, [archive, owner, first, time])
      if (row === undefined) continue
      const newest = (row.id as bigint) - 1n
      if (newest < limit) limit = newest
      break
    }
    return limit
  }

  async #eraseUpTo(opened: OwnerArchive, limit: bigint): Promise<void> {
    const { archive, owner, buckets } = opened
    const whole = buckets.filter((_, n) => (buckets[n + 1]?.first ?? opened.last + 1n) - 1n <= limit)
    const stamp = this.#parts.slots.stamp(opened.term)
    for (const { first } of whole)
      await this.#write(opened, { query: DROP_BUCKET, params: [stamp, archive, owner, first] })
    const cut = buckets[whole.length]
    if (cut !== undefined && cut.first <= limit)
      await this.#write(opened, { query: DROP_UP_TO, params: [stamp, archive, owner, cut.first, limit] })
    // The last: a bucket that is not in the list is never looked into again.
    for (const { first } of whole)
      await this.#write(opened, { query: NO_BUCKET, params: [stamp, archive, owner, first] })
    buckets.splice(0, whole.length)
  }

  async #eraseIds(opened: OwnerArchive, ids: readonly bigint[], query: PurgeQuery): Promise<void> {
    const { archive, owner, buckets } = opened
    const { before, upTo } = query
    const wanted = ids.filter(id => upTo === undefined || id <= upTo)
    const byBucket = Map.groupBy(wanted, id => bucketOf(buckets, id))
    byBucket.delete(undefined)
    for (const [bucket, some] of byBucket as Map<Bucket, bigint[]>) {
      const place: Value[] = [archive, owner, bucket.first]
      const rows =
        before === undefined ? undefined : await this.#parts.connection.all(OLD_IDS, [...place, some])
      const old = rows?.flatMap(row => (Number(row.time) < before! ? [row.id as bigint] : [])) ?? some
      const stamp = this.#parts.slots.stamp(opened.term)
      await this.#write(opened, { query: DROP_IDS, params: [stamp, ...place, old] })
    }
  }

  #write({ term }: OwnerArchive, statement: Statement): Promise<void> {
    return this.#parts.connection.write([statement], { until: () => term.until })
  }

  /** See `Storage.forget`. */
  forget(owner: string): Promise<void> {
    return this.#parts.lanes.run([owner, casLane(owner)], () => this.#forget(owner))
  }

  async #forget(owner: string): Promise<void> {
    const { connection, slots, kinds, owners, archives, marks, tables } = this.#parts
    const term = slots.termOf(owner)
    const until = (): number => term.until
    const stamp = slots.stamp(term)
    const write = (statement: Statement): Promise<void> => connection.write([statement], { until })
    marks.clear()
    await write({ query: FORGET_ROWS, params: [stamp, owner] })
    const cas = await kinds.names('cas')
    for (const table of cas) await tables.removeAll(table, owner)
    const named = await kinds.names('archive')
    for (const archive of named) {
      for (const { first } of await archives.buckets(archive, owner))
        await write({ query: DROP_BUCKET, params: [stamp, archive, owner, first] })
      for (const query of FORGET) await write({ query, params: [stamp, archive, owner] })
      archives.forget(archive, owner)
    }
    const plain = [...(await kinds.names('lww')), ...(await kinds.names('mark'))]
    const entries = [...plain, ...cas, ...named.map(archiveEntry)]
    await inParallel(entries, OWNERS_AT_ONCE, table => write(owners.remove(table, owner, stamp)))
  }
}

/** The lane of an owner's rows of kind cas: they are not in line with commits. */
export function casLane(owner: string): string {
  return `cas\0${owner}`
}

function domainOf(owner: string): string {
  return owner.slice(owner.indexOf('@') + 1)
}

/** Owners by the hundred. */
async function* pagesOf(owners: AsyncIterable<string>): AsyncGenerator<string[]> {
  let page: string[] = []
  for await (const owner of owners) {
    page.push(owner)
    if (page.length < 100) continue
    yield page
    page = []
  }
  yield page
}
