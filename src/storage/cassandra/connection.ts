import { auth, Client, type ClientOptions, policies, type QueryOptions, types } from 'cassandra-driver'
import { isUnclear, NotHeld, storageError } from './errors.ts'
import { Gate } from './gate.ts'
import type { CassandraOptions } from './options.ts'
import { patiently } from './patience.ts'

/** What a statement can be given. */
export type Value = string | number | bigint | Buffer | null | readonly string[] | readonly bigint[]

/** A statement and its values. */
export interface Statement {
  readonly query: string
  readonly params: readonly Value[]
}

/** A row; a column by its name. */
export type Found = Readonly<Record<string, unknown>>

/** Some rows, and where the next ones begin; undefined after the last. */
export interface Rows {
  readonly rows: readonly Found[]
  readonly next: string | undefined
}

const READ_MS = 6_000
const REQUESTS = 256
const WRITE_MS = 2_500
const PATIENCE_MS = 10_000
/**
 * When a node has not answered for so long, ms, what may be done twice goes to a second one, too. One that is frozen keeps its connections, and the driver goes on asking it
 * until ten requests wait there. With Cassandra's own time-out for writes, two seconds, it is less than WRITE_MS: nothing is written after that.
 */
const SECOND_MS = 400
/** Between attempts to connect to a node that was down, ms; an hour, as the driver has it, is of no use. */
const FIRST_RECONNECT = 500
const LAST_RECONNECT = 10_000
const DEFAULT_PORT = 9042
/** Statements that change nothing more when they are carried out twice: they read, or carry their own timestamps. */
const TWICE = { prepare: true, isIdempotent: true }

/** Requests to Cassandra: so many at once, tried again where that may help. Everything rejects with a StorageError. */
export class Connection {
  readonly #client: Client
  readonly #gate: Gate
  readonly #consistency: types.consistencies
  readonly #serial: types.consistencies
  readonly #writeMs: number
  readonly #patience: number

  constructor(options: CassandraOptions) {
    this.#client = new Client(clientOptions(options))
    this.#gate = new Gate(options.requests ?? REQUESTS)
    const { consistency = 'local_quorum' } = options
    const names = {
      local_quorum: 'localQuorum',
      quorum: 'quorum',
      each_quorum: 'eachQuorum',
      all: 'all',
    } as const
    this.#consistency = types.consistencies[names[consistency]]
    this.#serial = types.consistencies[consistency === 'local_quorum' ? 'localSerial' : 'serial']
    this.#writeMs = options.writeTimeout ?? WRITE_MS
    this.#patience = options.patience ?? PATIENCE_MS
  }

  async open(): Promise<void> {
    try {
      await this.#client.connect()
    } catch (error) {
      await this.close()
      throw storageError(error)
    }
  }

  async close(): Promise<void> {
    await this.#client.shutdown().catch(() => undefined)
  }

  /** Everything that a statement finds. */
  async all(query: string, params: readonly Value[] = []): Promise<readonly Found[]> {
    const found: Found[] = []
    for (let next: string | undefined | null = null; next !== undefined; ) {
      const page: Rows = await this.read(query, params, 5_000, next ?? undefined)
      found.push(...page.rows)
      next = page.next
    }
    return found
  }

  /** The first row that a statement finds. */
  async one(query: string, params: readonly Value[]): Promise<Found | undefined> {
    return (await this.read(query, params, 1)).rows[0]
  }

  /** One page of what a statement finds. */
  read(query: string, params: readonly Value[], size: number, from?: string): Promise<Rows> {
    const options = { ...TWICE, fetchSize: size, readTimeout: READ_MS, ...(from && { pageState: from }) }
    return this.#tried(
      READ_MS,
      () => Infinity,
      async () => {
        const { rows, pageState } = await this.#execute(query, params, {
          ...options,
          consistency: this.#consistency,
        })
        return { rows: rows as unknown as readonly Found[], next: pageState ?? undefined }
      },
    )
  }

  /** Reads what compare-and-set has come to: what is undecided is decided by this. */
  async serially(query: string, params: readonly Value[]): Promise<readonly Found[]> {
    const options = { ...TWICE, readTimeout: READ_MS, consistency: this.#serial, fetchSize: 5_000 }
    return this.#tried(
      READ_MS,
      () => Infinity,
      async () => {
        const { rows } = await this.#execute(query, params, options)
        return rows as unknown as readonly Found[]
      },
    )
  }

  /**
   * Stores statements that carry their own timestamps: all of one partition at once; those of several together (`logged`), or each by itself.
   * No attempt is made that could end after `until()` (`performance.now()`, ms), and what is confirmed later than that counts as refused.
   */
  async write(
    statements: readonly Statement[],
    { logged = false, until = () => Infinity }: { logged?: boolean; until?: () => number } = {},
  ): Promise<void> {
    const options = { ...TWICE, logged, readTimeout: this.#writeMs, consistency: this.#consistency }
    const [first] = statements
    if (first === undefined) return
    await this.#tried(this.#writeMs, until, () =>
      statements.length === 1
        ? this.#execute(first.query, first.params, options)
        : this.#batch(statements, options),
    )
    if (performance.now() > until()) throw new NotHeld()
  }

  /**
   * Stores statements with a condition, one time. True: they were stored. False: the condition did not hold. Undefined: nobody knows.
   */
  async compareAndSet(statements: readonly Statement[]): Promise<boolean | undefined> {
    const options = {
      prepare: true,
      readTimeout: READ_MS,
      consistency: this.#consistency,
      serialConsistency: this.#serial,
    }
    const [first] = statements
    try {
      const result = await this.#gate.run(() =>
        statements.length === 1
          ? this.#execute(first!.query, first!.params, options)
          : this.#batch(statements, { ...options, logged: true }),
      )
      return result.wasApplied()
    } catch (error) {
      if (isUnclear(error)) return undefined
      throw storageError(error)
    }
  }

  /** Runs a statement of the schema, and waits until all nodes know it. */
  async define(query: string): Promise<void> {
    await this.#client.execute(query, [], { readTimeout: 60_000 }).catch((error: unknown) => {
      throw storageError(error)
    })
  }

  #execute(query: string, params: readonly Value[], options: QueryOptions): Promise<types.ResultSet> {
    return this.#client.execute(query, params as unknown[], options)
  }

  #batch(statements: readonly Statement[], options: QueryOptions): Promise<types.ResultSet> {
    return this.#client.batch(statements as { query: string; params: unknown[] }[], options)
  }

  /** Tries until it succeeds, or cannot, or no time is left. */
  #tried<T>(attemptMs: number, until: () => number, attempt: () => Promise<T>): Promise<T> {
    return patiently(this.#patience, () =>
      // Looked at when its turn has come: it may have waited.
      this.#gate.run(() => {
        if (performance.now() + attemptMs > until()) throw new NotHeld()
        return attempt()
      }),
    )
  }
}

function clientOptions(options: CassandraOptions): ClientOptions {
  const { contactPoints, keyspace, localDataCenter, user, password, tls } = options
  return {
    contactPoints: [...contactPoints],
    protocolOptions: { port: portOf(options) },
    keyspace,
    localDataCenter,
    encoding: { useBigIntAsLong: true },
    // `Connection` tries again itself: it knows until when it may.
    policies: {
      retry: new policies.retry.FallthroughRetryPolicy(),
      speculativeExecution: new policies.speculativeExecution.ConstantSpeculativeExecutionPolicy(
        SECOND_MS,
        1,
      ),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(
        FIRST_RECONNECT,
        LAST_RECONNECT,
        false,
      ),
    },
    pooling: { maxRequestsPerConnection: 1_024, warmup: true },
    socketOptions: { readTimeout: READ_MS, connectTimeout: 5_000, coalescingThreshold: 16_384 },
    queryOptions: { prepare: true, captureStackTrace: false },
    ...(user !== undefined && { authProvider: new auth.PlainTextAuthProvider(user, password ?? '') }),
    ...(tls && {
      sslOptions: {
        rejectUnauthorized: true,
        ...(tls.authority && { ca: [tls.authority] }),
        ...(tls.certificate && { cert: tls.certificate }),
        ...(tls.key && { key: tls.key }),
      },
    }),
  }
}

/** The port of all nodes: they tell each other's addresses alone. Where those that are named have one in common, the others have it too. */
function portOf({ contactPoints, port = DEFAULT_PORT }: CassandraOptions): number {
  const [named, ...others] = new Set(contactPoints.map(point => /^(?:\[.*\]|[^:]*):(\d+)$/.exec(point)?.[1]))
  return named === undefined || others.length > 0 ? port : Number(named)
}
