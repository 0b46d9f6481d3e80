import { containsAny, MAX_PAGE_BYTES } from '../checks.ts'
import type { ArchivedRow, HistoryPage, HistoryQuery } from '../engine.ts'
import type { Archives } from './archives.ts'
import type { Connection, Found, Rows, Value } from './connection.ts'
import type { Bucket } from './owner-archive.ts'

/** Rows with payloads of one answer of Cassandra: payloads may be large. */
const ROWS_AT_ONCE = 100
/** Of more items than some 10,000 the total is not told; two buckets and a half. */
const MOST_COUNTED = 20_000
const GREATEST = 2n ** 63n - 1n

const COLUMNS = 'id, time, peer, resource, payload, sequence, unread'
const PARTITION = 'archive = ? AND owner = ? AND bucket = ?'

/** Ids from `low` to `high`, both included, of one bucket. */
interface Span {
  readonly bucket: bigint
  readonly low: bigint
  readonly high: bigint
}

/** Answers queries of archives, bucket by bucket. */
export class Histories {
  readonly #connection: Connection
  readonly #archives: Archives

  constructor(connection: Connection, archives: Archives) {
    this.#connection = connection
    this.#archives = archives
  }

  /** See `Archive.page`. */
  async page(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    const spans = await this.#spans(archive, owner, query)
    const search = new Search(this.#connection, archive, owner, query)
    const [page, total] = await Promise.all([
      search.page(query.reverse ? spans.toReversed() : spans),
      query.count && query.containing === undefined ? search.total(spans) : undefined,
    ])
    return total === undefined ? page : { ...page, total }
  }

  /** What the times and places of a query leave of the buckets, oldest first. */
  async #spans(archive: string, owner: string, query: HistoryQuery): Promise<Span[]> {
    const known = this.#archives.peek(archive, owner)
    const buckets = known?.buckets ?? (await this.#archives.buckets(archive, owner))
    const low = query.after === undefined ? 0n : query.after + 1n
    const high = least(known?.stored ?? GREATEST, query.before === undefined ? GREATEST : query.before - 1n)
    const spans = buckets.map((bucket, n): Span => {
      const end = buckets[n + 1]?.first ?? GREATEST
      return { bucket: bucket.first, low: greatest(bucket.first, low), high: least(end - 1n, high) }
    })
    const timed = spans.filter((span, n) => span.low <= span.high && isInTime(buckets, n, query))
    return Promise.all(timed.map(span => this.#inTime(archive, owner, span, buckets, query)))
  }

  /** What the times of a query leave of a bucket. Only the first and the last one have to be looked into. */
  async #inTime(
    archive: string,
    owner: string,
    span: Span,
    buckets: readonly Bucket[],
    { start, end }: HistoryQuery,
  ): Promise<Span> {
    const n = buckets.findIndex(({ first }) => first === span.bucket)
    const { low, high } = span
    const first = (time: number): Promise<bigint | undefined> =>
      this.#firstAt(archive, owner, span.bucket, Math.ceil(time))
    const nextTime = buckets[n + 1]?.time ?? Number.POSITIVE_INFINITY
    const from = start !== undefined && buckets[n]!.time < start ? ((await first(start)) ?? GREATEST) : low
    const after = end !== undefined && nextTime > end ? await first(Math.floor(end) + 1) : undefined
    return { ...span, low: greatest(low, from), high: least(high, after === undefined ? high : after - 1n) }
  }

  /** The first item of a bucket that was archived at this time or later. */
  async #firstAt(archive: string, owner: string, bucket: bigint, time: number): Promise<bigint | undefined> {
    const query = `SELECT id FROM items WHERE ${PARTITION} AND time >= ? LIMIT 1 ALLOW FILTERING`
    const row = await this.#connection.one(query, [archive, owner, bucket, BigInt(time)])
    return row?.id as bigint | undefined
  }
}

/** Whether a bucket may hold items of the times of a query: its own are from its time up to that of the next one. */
function isInTime(buckets: readonly Bucket[], n: number, { start, end }: HistoryQuery): boolean {
  const next = buckets[n + 1]?.time ?? Number.POSITIVE_INFINITY
  return (start === undefined || next >= start) && (end === undefined || buckets[n]!.time <= end)
}

/** One query, in the buckets of one owner. */
class Search {
  readonly #connection: Connection
  readonly #archive: string
  readonly #owner: string
  readonly #query: HistoryQuery
  readonly #ids: readonly bigint[] | undefined
  readonly #items: ArchivedRow[] = []
  #bytes = 0

  constructor(connection: Connection, archive: string, owner: string, query: HistoryQuery) {
    this.#connection = connection
    this.#archive = archive
    this.#owner = owner
    this.#query = query
    this.#ids = query.ids && [...new Set(query.ids)].sort((a, b) => (a < b ? -1 : 1))
  }

  async page(spans: readonly Span[]): Promise<HistoryPage> {
    for (const span of spans) {
      const full = await this.#collect(span)
      if (full) return { items: this.#items, more: true }
    }
    return { items: this.#items, more: false }
  }

  /** Adds what a bucket holds; whether there is more than fits. */
  async #collect(span: Span): Promise<boolean> {
    const { peer, reverse } = this.#query
    if (this.#ids === undefined && peer === undefined) return this.#scan(span)
    const ids = await this.#idsIn(span)
    if (reverse) ids.reverse()
    return this.#fetch(span.bucket, ids)
  }

  /** All items of a span. */
  async #scan({ bucket, low, high }: Span): Promise<boolean> {
    const order = this.#query.reverse ? 'DESC' : 'ASC'
    const query = `SELECT ${COLUMNS} FROM items WHERE ${PARTITION} AND id >= ? AND id <= ? ORDER BY id ${order}`
    for (let next: string | undefined | null = null; next !== undefined; ) {
      const page: Rows = await this.#connection.read(
        query,
        [this.#archive, this.#owner, bucket, low, high],
        this.#rowsWanted(),
        next ?? undefined,
      )
      if (page.rows.some(row => this.#isOneTooMany(row))) return true
      next = page.next
    }
    return false
  }

  #rowsWanted(): number {
    // One more tells whether there is more.
    return Math.min(ROWS_AT_ONCE, this.#query.limit + 1 - this.#items.length)
  }

  /** The ids of a span that the peer and the ids of the query leave, ascending. */
  async #idsIn(span: Span): Promise<bigint[]> {
    const wanted = this.#ids?.filter(id => id >= span.low && id <= span.high)
    if (this.#query.peer === undefined) return wanted ?? []
    if (wanted !== undefined && wanted.length === 0) return []
    const of = await this.#idsOfPeer(span)
    if (wanted === undefined) return of
    const known = new Set(of)
    return wanted.filter(id => known.has(id))
  }

  /** By the index. It has no order but the ascending one, so the ids come first and what they stand for afterwards. */
  async #idsOfPeer({ bucket, low, high }: Span): Promise<bigint[]> {
    const { peer, resource } = this.#query
    const query = `SELECT id, resource FROM items WHERE ${PARTITION} AND id >= ? AND id <= ? AND peer = ?`
    const rows = await this.#connection.all(query, [this.#archive, this.#owner, bucket, low, high, peer!])
    return rows.flatMap(row =>
      resource === undefined || row.resource === resource ? [row.id as bigint] : [],
    )
  }

  /** Some items, by their ids. */
  async #fetch(bucket: bigint, ids: readonly bigint[]): Promise<boolean> {
    const order = this.#query.reverse ? 'DESC' : 'ASC'
    const query = `SELECT ${COLUMNS} FROM items WHERE ${PARTITION} AND id IN ? ORDER BY id ${order}`
    for (let at = 0; at < ids.length; ) {
      const some = ids.slice(at, at + this.#rowsWanted())
      at += some.length
      const params: Value[] = [this.#archive, this.#owner, bucket, some]
      const { rows } = await this.#connection.read(query, params, ROWS_AT_ONCE)
      if (rows.some(row => this.#isOneTooMany(row))) return true
    }
    return false
  }

  /** Adds a row if it matches; true when there is no room for it. */
  #isOneTooMany(row: Found): boolean {
    const payload = (row.payload ?? Buffer.alloc(0)) as Buffer
    if (!containsAny(payload, this.#query.containing)) return false
    if (this.#items.length >= this.#query.limit || this.#bytes >= MAX_PAGE_BYTES) return true
    this.#bytes += payload.byteLength
    this.#items.push(rowOf(row, payload))
    return false
  }

  /** How many items match; undefined where that would take long. */
  async total(spans: readonly Span[]): Promise<number | undefined> {
    let total = 0
    for (const span of spans) {
      total += await this.#countIn(span)
      if (total > MOST_COUNTED) return undefined
    }
    return total
  }

  async #countIn(span: Span): Promise<number> {
    if (this.#ids !== undefined) {
      const ids = await this.#idsIn(span)
      const query = `SELECT id FROM items WHERE ${PARTITION} AND id IN ?`
      const params: Value[] = [this.#archive, this.#owner, span.bucket, ids]
      return ids.length === 0 ? 0 : (await this.#connection.all(query, params)).length
    }
    if (this.#query.peer !== undefined) return (await this.#idsOfPeer(span)).length
    const query = `SELECT COUNT(*) AS n FROM items WHERE ${PARTITION} AND id >= ? AND id <= ?`
    const params = [this.#archive, this.#owner, span.bucket, span.low, span.high]
    return Number((await this.#connection.one(query, params))?.n ?? 0)
  }
}

function rowOf(row: Found, payload: Buffer): ArchivedRow {
  const resource = row.resource as string
  return {
    id: row.id as bigint,
    time: Number(row.time),
    peer: resource === '' ? (row.peer as string) : `${row.peer as string}/${resource}`,
    payload,
    sequence: Number(row.sequence),
    unread: Number(row.unread),
  }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
