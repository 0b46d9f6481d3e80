import type { Connection, Statement, Value } from './connection.ts'
import type { Added, OwnerArchive } from './owner-archive.ts'
import type { Term } from './slots.ts'

/** Batches of several partitions are refused from 50 KiB on, as Cassandra is by default (`batch_size_fail_threshold`). */
const LOGGED_BYTES = 40 * 1024
/** One mutation is refused from 16 MiB on, and an item may have 8. */
const MUTATION_BYTES = 10 * 1024 * 1024
/** What a value weighs besides its bytes. */
const OVERHEAD = 16

const CUT_ITEMS =
  'DELETE FROM items USING TIMESTAMP ? WHERE archive = ? AND owner = ? AND bucket = ? AND id > ?'
const CUT_BUCKETS = 'DELETE FROM buckets USING TIMESTAMP ? WHERE archive = ? AND owner = ? AND bucket > ?'
const BUCKET = 'INSERT INTO buckets (archive, owner, bucket, time) VALUES (?, ?, ?, ?) USING TIMESTAMP ?'
const PUT =
  'INSERT INTO rows (owner, tbl, key, json, expires) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?'
const DELETE = 'DELETE FROM rows USING TIMESTAMP ? WHERE owner = ? AND tbl = ? AND key IN ?'
/** Rows stay a little longer than they are shown, seconds. */
const LONGER = 3_600
/** Cassandra's longest time to live, seconds. */
const LONGEST = 630_720_000

/** What becomes of a row. */
export interface Cell {
  readonly table: string
  readonly key: string
  /** Undefined: it goes. */
  readonly json: string | undefined
  readonly expires: number | null
  readonly mark: boolean
}

/** What a group stores for one owner. */
export class OwnerWrites {
  readonly term: Term
  /** Rows of tables, the last word on each. */
  readonly cells = new Map<string, Cell>()
  readonly #owner: string
  /** By partition: what is stored before all else, and does no harm if nothing follows. */
  readonly #first = new Map<string, Statement[]>()
  readonly #items = new Map<string, Statement[]>()

  constructor(owner: string, term: Term) {
    this.#owner = owner
    this.term = term
  }

  /** ARCHITECTURE §9: what a former home sent too late, or an attempt that failed, is not shown, whenever it arrives. */
  cutOff({ archive, stored, buckets, loose }: OwnerArchive, stamp: bigint): void {
    if (!loose) return
    const last = buckets.at(-1)
    const place = [stamp, archive, this.#owner]
    gather(this.#first, `buckets ${archive}`, { query: CUT_BUCKETS, params: [...place, last?.first ?? 0n] })
    if (last !== undefined)
      gather(this.#first, `items ${archive}`, { query: CUT_ITEMS, params: [...place, last.first, stored] })
  }

  /** Stores an item at the end of an archive, and before that its bucket if it is the first there. */
  add({ archive }: OwnerArchive, { bucket, isNew, statement }: Added, stamp: bigint): void {
    const params = [archive, this.#owner, bucket.first, BigInt(bucket.time), stamp]
    if (isNew) gather(this.#first, `buckets ${archive}`, { query: BUCKET, params })
    this.item(`${archive} ${bucket.first}`, statement)
  }

  /** Adds something to an archive. */
  item(partition: string, statement: Statement): void {
    gather(this.#items, partition, statement)
  }

  cell(cell: Cell): void {
    this.cells.set(`${cell.table}\0${cell.key}`, cell)
  }

  /** Stores all of it: as one mutation where it is one partition, else by Cassandra's log of batches, so that all of it comes in the end. */
  async store(connection: Connection, stamp: bigint, now: number): Promise<void> {
    const until = (): number => this.term.until
    await Promise.all(Array.from(this.#first.values(), one => connection.write(one, { until })))
    const partitions = [...this.#items.values()]
    if (this.cells.size > 0) partitions.push(this.#cellStatements(stamp, now))
    const bytes = partitions.flat().reduce((sum, statement) => sum + weigh(statement), 0)
    if (partitions.length > 1 && bytes <= LOGGED_BYTES)
      return connection.write(partitions.flat(), { until, logged: true })
    for (const statements of partitions)
      for (const part of parts(statements)) await connection.write(part, { until })
  }

  #cellStatements(stamp: bigint, now: number): Statement[] {
    const gone = new Map<string, string[]>()
    const statements: Statement[] = []
    for (const { table, key, json, expires } of this.cells.values()) {
      if (json === undefined) {
        const keys = gone.get(table)
        if (keys === undefined) gone.set(table, [key])
        else keys.push(key)
        continue
      }
      const params = [this.#owner, table, key, json, BigInt(expires ?? 0), stamp, timeToLive(expires, now)]
      statements.push({ query: PUT, params })
    }
    for (const [table, keys] of gone)
      statements.push({ query: DELETE, params: [stamp, this.#owner, table, keys] })
    return statements
  }
}

/** In seconds, a while longer than the row is shown: the clock that counts them is Cassandra's. 0: for ever. */
function timeToLive(expires: number | null, now: number): number {
  if (expires === null) return 0
  const seconds = Math.max(1, Math.ceil((expires - now) / 1000)) + LONGER
  return seconds > LONGEST ? 0 : seconds
}

function gather(into: Map<string, Statement[]>, partition: string, statement: Statement): void {
  const known = into.get(partition)
  if (known === undefined) into.set(partition, [statement])
  else known.push(statement)
}

/** Statements of one partition, cut into mutations that Cassandra takes. */
function parts(statements: readonly Statement[]): readonly (readonly Statement[])[] {
  const cut: Statement[][] = [[]]
  let bytes = 0
  for (const statement of statements) {
    const weight = weigh(statement)
    if (bytes > 0 && bytes + weight > MUTATION_BYTES) {
      cut.push([])
      bytes = 0
    }
    cut.at(-1)!.push(statement)
    bytes += weight
  }
  return cut
}

function weigh({ params }: Statement): number {
  return params.reduce<number>((sum, value) => sum + OVERHEAD + bytesOf(value), 0)
}

function bytesOf(value: Value): number {
  if (typeof value === 'string') return value.length
  if (Buffer.isBuffer(value)) return value.byteLength
  return Array.isArray(value) ? value.length * OVERHEAD : 0
}
