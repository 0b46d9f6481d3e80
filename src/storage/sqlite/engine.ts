import { timeOf } from '../archive-ids.ts'
import type {
  ArchivedRow,
  Committed,
  Engine,
  HistoryPage,
  HistoryQuery,
  MovedRow,
  Operation,
  Row,
} from '../engine.ts'
import {
  type KeyRange,
  type Page,
  type PurgeQuery,
  StorageError,
  type TableKind,
  type WallClock,
} from '../types.ts'
import { Caretakers } from './caretakers.ts'
import { CommitQueue } from './commit-queue.ts'
import type { Synchronous } from './database.ts'
import { fromPlain } from './errors.ts'
import { unpackOutcomes } from './group-outcomes.ts'
import { ReadQueue } from './read-queue.ts'
import {
  type FromReader,
  ITEM_NUMBERS,
  type PackedHistory,
  type Request,
  type RowRequest,
  type ToReader,
} from './reader-message.ts'
import { RowCache } from './row-cache.ts'
import { Thread } from './thread.ts'
import type { FromWriter, StoredTable, ToWriter } from './writer-message.ts'

/** Settings of the SQLite back end. */
export interface SqliteSettings {
  readonly folder: string
  readonly clock: WallClock
  readonly synchronous: Synchronous
  /** Told of failures nobody waits for: of work in the background, which is tried again, and of a thread's end, after which all calls fail. */
  readonly onProblem: (problem: StorageError) => void
}

/**
 * Questions about rows that the writer answers, before there is a reader: a server where nobody signs in, and a short command, ask a few
 * and save the memory of a thread (8 MiB) and the time it takes to start.
 */
const FEW_READS = 32

/** Starts the writer thread and waits until the database is open. The reader thread starts when there is more than a little to read. */
export async function startEngine(settings: SqliteSettings): Promise<Engine> {
  const engine = new SqliteEngine(settings)
  await engine.started
  return engine
}

class SqliteEngine implements Engine {
  readonly started: Promise<void>
  readonly #settings: SqliteSettings
  readonly #starting = Promise.withResolvers<void>()
  readonly kinds = new Map<string, TableKind>()
  readonly #writer: Thread<ToWriter, FromWriter>
  readonly #commits: CommitQueue
  readonly #reads: ReadQueue
  readonly #caretakers: Caretakers
  readonly #rows = new RowCache()
  #reader: Thread<ToReader, FromReader> | undefined
  #asked = 0
  #isOpen = false

  constructor(settings: SqliteSettings) {
    const { folder, synchronous, clock } = settings
    this.#settings = settings
    this.started = this.#starting.promise
    this.#writer = new Thread<ToWriter, FromWriter>(
      'writer',
      { folder, synchronous },
      message => this.#onWriter(message),
      error => this.#fail(error),
    )
    this.#commits = new CommitQueue(message => this.#writer.post(message, buffersOf(message)), clock)
    this.#caretakers = new Caretakers(folder)
    this.#reads = new ReadQueue(requests => this.#read(requests))
  }

  #onWriter(message: FromWriter): void {
    if (message.kind === 'ready') this.#ready(message.tables)
    else if (message.kind === 'failed') this.#starting.reject(fromPlain(message.error))
    else if (message.kind === 'group') this.#commits.onGroup(unpackOutcomes(message.outcomes))
    else if (message.kind === 'answers') this.#reads.onAnswers(message.answers)
    else if (message.kind === 'job')
      this.#commits.onJob(message.number, message.error && fromPlain(message.error))
    else this.#settings.onProblem(fromPlain(message.error))
  }

  #ready(tables: readonly StoredTable[]): void {
    for (const { name, kind } of tables) this.kinds.set(name, kind)
    this.#isOpen = true
    this.#starting.resolve()
  }

  #read(requests: readonly Request[]): void {
    this.#asked += requests.length
    if (this.#reader === undefined && this.#asked <= FEW_READS && requests.every(isOfRows))
      this.#writer.post({ kind: 'read', requests })
    else this.#openReader().post(requests)
  }

  #openReader(): Thread<ToReader, FromReader> {
    this.#reader ??= new Thread<ToReader, FromReader>(
      'reader',
      { folder: this.#settings.folder },
      answers => this.#reads.onAnswers(answers),
      error => this.#fail(error),
    )
    return this.#reader
  }

  #fail(error: StorageError): void {
    this.#starting.reject(error)
    this.#commits.fail(error)
    this.#reads.fail(error)
    this.#rows.clear()
    // Whoever opens it learns from `started` that it could not be opened.
    if (this.#isOpen) this.#settings.onProblem(error)
  }

  define(table: string, kind: TableKind): void {
    const stored = this.kinds.get(table)
    if (stored !== undefined && stored !== kind)
      throw new StorageError('invalid', `table ${table} is stored as one of kind ${stored}`)
    this.kinds.set(table, kind)
  }

  commit(operations: readonly Operation[]): Promise<Committed> {
    return this.#commits.commit(operations)
  }

  async swap(
    table: string,
    owner: string,
    key: string,
    expected: string | undefined,
    json: string | undefined,
  ): Promise<boolean> {
    const swap = () => this.#commits.commit([{ kind: 'swap', table, owner, key, expected, json }])
    const { swapped } = await this.#rows.change(owner, table, key, swap)
    return swapped
  }

  get(table: string, owner: string, key: string): Promise<string | undefined> {
    const read = () => this.#reads.ask('get', { table, owner, key, now: this.#now() })
    // Rows of the other kind may expire, and are written on the path of messages.
    return this.kinds.get(table) === 'cas' ? this.#rows.get(owner, table, key, read) : read()
  }

  async page(table: string, owner: string, range: KeyRange, limit: number): Promise<Page<Row>> {
    const asked = { table, owner, range, limit, now: this.#now() }
    const { keys, jsons, expiries, more } = await this.#reads.ask('page', asked)
    const rowAt = (key: string, index: number): Row => {
      const expires = expiries[index]!
      const row = { key, json: jsons[index]! }
      return expires === null ? row : { ...row, expires }
    }
    return { items: keys.map(rowAt), more }
  }

  owners(table: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    return this.#reads.ask('owners', { table, after, limit, now: this.#now() })
  }

  async history(archive: string, owner: string, query: HistoryQuery): Promise<HistoryPage> {
    const packed = await this.#reads.ask('history', { archive, owner, query })
    const { more, total } = packed
    return { items: unpack(packed), more, ...(total !== undefined && { total }) }
  }

  restore(archive: string, owner: string, rows: readonly MovedRow[]): Promise<void> {
    // A view is sent with all that it is a view of.
    const own = rows.map(row => ({ ...row, payload: Uint8Array.from(row.payload) }))
    return this.#commits.run({ task: 'restore', archive, owner, rows: own, now: this.#now() })
  }

  purge(archive: string, owner: string, { before, upTo, ids }: PurgeQuery): Promise<void> {
    return this.#commits.run({ task: 'purge', archive, owner, before, upTo, ids })
  }

  expire(archive: string, before: number, domain: string | undefined): Promise<void> {
    return this.#commits.run({ task: 'expire', archive, before, domain })
  }

  forget(owner: string): Promise<void> {
    return this.#rows.erase(owner, () => this.#commits.run({ task: 'forget', owner }))
  }

  pressure(): Promise<void> | undefined {
    return this.#commits.pressure()
  }

  get waiting(): number {
    return this.#commits.waiting
  }

  async backup(folder: string): Promise<void> {
    await this.#caretakers.run({ task: 'copy', to: folder })
  }

  verify(): Promise<readonly string[]> {
    return this.#caretakers.run({ task: 'verify' })
  }

  settled(): Promise<void> {
    return this.#commits.run({ task: 'settle', now: this.#now() })
  }

  async close(): Promise<void> {
    const closed = new StorageError('closed', 'the storage is closed')
    await this.#commits.drained()
    this.#commits.fail(closed)
    this.#reads.fail(closed)
    await this.#caretakers.close()
    // The reader first: whoever closes the database last tidies it up, and only the writer can.
    await this.#reader?.close('close')
    await this.#writer.close({ kind: 'close' })
  }

  #now(): number {
    return this.#settings.clock.now()
  }
}

function unpack({ numbers, peers, bytes }: PackedHistory): ArchivedRow[] {
  const rows: ArchivedRow[] = []
  let start = 0
  for (let at = 0; at < numbers.length; at += ITEM_NUMBERS) {
    const id = numbers[at]!
    const end = start + numbers[at + 3]!
    const payload = bytes.subarray(start, end)
    start = end
    const counted = { sequence: numbers[at + 1]!, unread: numbers[at + 2]! }
    rows.push({ id: BigInt(id), time: timeOf(id), peer: peers[numbers[at + 4]!]!, payload, ...counted })
  }
  return rows
}

function isOfRows(request: Request): request is RowRequest {
  return request.read !== 'history'
}

/** Handed over instead of copied. */
function buffersOf(message: ToWriter): ArrayBuffer[] {
  return message.kind === 'group' && message.bytes.byteLength > 0 ? [message.bytes.buffer] : []
}
