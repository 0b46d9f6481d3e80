/** Cassandra for tests: one node for a test process, started when it is first asked for, ended with it. */
import { spawnSync } from 'node:child_process'
import { Client } from 'cassandra-driver'
import type { Test } from 'tap'
import { type Cassandra, startCassandra } from '../../scripts/services/cassandra.ts'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'
import { inParallel } from '../../src/storage/cassandra/gate.ts'
import { migrateCassandra } from '../../src/storage/cassandra/migrate.ts'
import { openCassandra } from '../../src/storage/cassandra/open.ts'
import type { CassandraOptions } from '../../src/storage/cassandra/options.ts'
import type { Storage, WallClock } from '../../src/storage/types.ts'

/** All slots there are. */
export const ALL_SLOTS: readonly number[] = Array.from({ length: SLOTS }, (_, slot) => slot)

/** As if slots had been taken so often that ids are as large as they get, far above 2^53. */
const FIRST_EPOCHS = ALL_SLOTS.map(
  slot =>
    `INSERT INTO epochs (part, slot, epoch, holder) VALUES (${Math.floor(slot / 64)}, ${slot}, ${2 ** 22}, '')`,
)

/** Tables whose rows are those of owners. */
const TABLES = ['kinds', 'rows', 'cas_rows', 'owners', 'items', 'buckets', 'counts', 'keys']

/** A keyspace of a node that was started for a test. */
export interface Keyspace {
  readonly cassandra: Cassandra
  readonly options: CassandraOptions
  /** Opens it, with all slots taken for ever. */
  open(clock: WallClock, options?: Partial<CassandraOptions>): Promise<Storage>
  /** Opens it with no slot taken. */
  openWithoutSlots(clock: WallClock, options?: Partial<CassandraOptions>): Promise<Storage>
  /** Empties it. */
  empty(): Promise<void>
  /** What a statement finds. */
  query(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Why nothing is tested on Cassandra now; undefined if it is. */
export function withoutCassandra(): string | undefined {
  if (process.env.TIDINGS_FULL !== '1') return 'not applicable: npm run test:full tests on Cassandra'
  const missing = ['java', 'mvn'].find(program => spawnSync(program, ['-version']).status !== 0)
  return missing && `Cassandra needs Java 17 and Maven, and "${missing}" is not there`
}

/** Starts a node and makes a keyspace there; both are gone when the test ends. */
export async function cassandraKeyspace(t: Test, keyspace = 'tidings'): Promise<Keyspace> {
  const cassandra = await startCassandra({ heap: 768 })
  t.teardown(() => cassandra.stop())
  const options = optionsOf(cassandra, keyspace)
  await migrateCassandra(options, 1)
  const client = new Client({
    contactPoints: [...options.contactPoints],
    localDataCenter: options.localDataCenter,
    keyspace,
  })
  t.teardown(() => client.shutdown())
  await inParallel(FIRST_EPOCHS, 64, async statement => void (await client.execute(statement)))
  const openWithoutSlots: Keyspace['openWithoutSlots'] = (clock, more = {}) =>
    openCassandra({ cassandra: { ...options, ...more }, slots: { slotOf, SLOTS }, clock })
  return {
    cassandra,
    options,
    openWithoutSlots,
    async open(clock, more) {
      const storage = await openWithoutSlots(clock, more)
      await storage.fence!.take(ALL_SLOTS)
      storage.fence!.extend(ALL_SLOTS, Number.POSITIVE_INFINITY)
      return storage
    },
    async empty() {
      for (const table of TABLES) await client.execute(`TRUNCATE ${table}`)
    },
    async query(text) {
      return (await client.execute(text)).rows as unknown as Readonly<Record<string, unknown>>[]
    },
  }
}

/** How to reach a keyspace of Cassandra that a test has started. */
export function optionsOf(cassandra: Cassandra, keyspace: string): CassandraOptions {
  const { port, nodes } = cassandra
  return {
    contactPoints: nodes.map(({ address }) => `${address}:${port}`),
    keyspace,
    localDataCenter: 'datacenter1',
  }
}
