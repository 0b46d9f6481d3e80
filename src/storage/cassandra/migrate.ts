import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../types.ts'
import { Connection, type Statement } from './connection.ts'
import type { CassandraOptions, Replication } from './options.ts'
import { patiently } from './patience.ts'
import { MIGRATIONS, SCHEMA_VERSION } from './schema.ts'

const KEYSPACE = /^[a-z][a-z0-9_]{0,47}$/
/** A migration that died is taken over after this time. */
const LOCK_SECONDS = 300
const POLL_MS = 200
/** How long replicas that are not there are waited for. */
const PATIENCE_MS = 30_000
const VERSION = `SELECT value FROM meta WHERE name = 'schema'`
const LOCK = `INSERT INTO meta (name, value) VALUES ('migrating', ?) IF NOT EXISTS USING TTL ${LOCK_SECONDS}`
const UNLOCK = `DELETE FROM meta WHERE name = 'migrating' IF value = ?`
const HOLDER = `SELECT value FROM meta WHERE name = 'migrating'`

/** What a migration has done. */
export interface Migrated {
  /** The version before; 0 where there was nothing. */
  readonly from: number
  readonly to: number
}

/**
 * Makes the keyspace where it is not there, and brings its schema to the version that this program needs. Two that run at once do it one
 * after the other. Rejects with a StorageError, `newer-schema` where a newer program has been here.
 */
export async function migrateCassandra(
  options: CassandraOptions,
  replication: Replication,
): Promise<Migrated> {
  await makeKeyspace(options, replication)
  const connection = new Connection(options)
  await connection.open()
  try {
    await connection.define(
      // The id is given: two that make the table at once, at two nodes, make the same one.
      `CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value text) WITH id = ${tableId(options.keyspace)}`,
    )
    return await locked(connection, () => migrate(connection))
  } finally {
    await connection.close()
  }
}

async function makeKeyspace(
  { keyspace, ...options }: CassandraOptions,
  replication: Replication,
): Promise<void> {
  if (!KEYSPACE.test(keyspace))
    throw new StorageError('invalid', `"${keyspace}" is no name of a keyspace: a-z, 0-9 and _ alone`)
  const anywhere = new Connection({ ...options, keyspace: 'system' })
  await anywhere.open()
  try {
    const strategy = typeof replication === 'number' ? { '': replication } : replication
    const copies = Object.entries(strategy).map(
      ([name, count]) => `'${name || 'replication_factor'}': ${count}`,
    )
    await anywhere.define(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace}
       WITH replication = {'class': 'NetworkTopologyStrategy', ${copies.join(', ')}}`,
    )
  } finally {
    await anywhere.close()
  }
}

async function migrate(connection: Connection): Promise<Migrated> {
  const from = await versionOf(connection)
  if (from > SCHEMA_VERSION) throw newer(from)
  for (let version = from; version < SCHEMA_VERSION; version++) {
    for (const statement of MIGRATIONS[version]!) await connection.define(statement)
    await decide(
      connection,
      version === 0
        ? { query: `INSERT INTO meta (name, value) VALUES ('schema', ?) IF NOT EXISTS`, params: ['1'] }
        : {
            query: `UPDATE meta SET value = ? WHERE name = 'schema' IF value = ?`,
            params: [`${version + 1}`, `${version}`],
          },
    )
  }
  return { from, to: await versionOf(connection) }
}

/** One at a time, on whatever machines. */
async function locked<T>(connection: Connection, task: () => Promise<T>): Promise<T> {
  const holder = randomUUID()
  for (;;) {
    const taken = await decide(connection, { query: LOCK, params: [holder] })
    if (taken === true) break
    if ((await connection.serially(HOLDER, []))[0]?.value === holder) break
    await delay(POLL_MS)
  }
  try {
    return await task()
  } finally {
    await decide(connection, { query: UNLOCK, params: [holder] })
  }
}

/** Compare-and-set that may be done twice: a ring that has just come up does not have all its replicas yet. */
function decide(connection: Connection, statement: Statement): Promise<boolean | undefined> {
  return patiently(PATIENCE_MS, () => connection.compareAndSet([statement]))
}

/** Refuses a keyspace that this program cannot use: `older-schema` or `newer-schema`. */
export async function checkSchema(connection: Connection, keyspace: string): Promise<void> {
  const version = await versionOf(connection).catch((error: StorageError) => {
    // The table is not there.
    if (error.code === 'invalid') return 0
    throw error
  })
  if (version > SCHEMA_VERSION) throw newer(version)
  if (version < SCHEMA_VERSION) throw older(keyspace, version)
}

/** Why a keyspace cannot be used yet. `version`: 0 where there is none. */
export function older(keyspace: string, version: number): StorageError {
  const text = `keyspace "${keyspace}" is of version ${version} and ${SCHEMA_VERSION} is needed`
  return new StorageError('older-schema', `${text}: run "tidings storage migrate"`)
}

async function versionOf(connection: Connection): Promise<number> {
  return Number((await connection.serially(VERSION, []))[0]?.value ?? 0)
}

function newer(version: number): StorageError {
  return new StorageError(
    'newer-schema',
    `the data are of version ${version}, this program knows ${SCHEMA_VERSION}: use a newer program`,
  )
}

/** A version 4 UUID made of the keyspace's name. */
function tableId(keyspace: string): string {
  const hex = createHash('sha256').update(`tidings ${keyspace}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
