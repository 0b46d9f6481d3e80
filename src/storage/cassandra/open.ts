/** Storage in Cassandra 5.0 (docs/decisions/0020-cassandra-layout.md). */
import { memoryEphemeral } from '../ephemeral.ts'
import { storageOf } from '../front.ts'
import type { Ephemeral, Storage, WallClock } from '../types.ts'
import { Connection } from './connection.ts'
import { CassandraEngine } from './engine.ts'
import { checkSchema } from './migrate.ts'
import type { CassandraOptions } from './options.ts'
import { Slots } from './slots.ts'

/** How to open a storage in Cassandra. */
export interface OpenOptions {
  readonly cassandra: CassandraOptions
  /** The slot of an owner (a bare JID's text): src/cluster/slots.ts. */
  readonly slotOf: (owner: string) => number
  readonly clock: WallClock
  /** Short-lived values; kept in the memory of this process by default. */
  readonly ephemeral?: Ephemeral
}

/**
 * Opens the storage of a keyspace that `migrateCassandra` has made. Nothing can be written before slots were taken (`Storage.fence`).
 * Rejects with a StorageError: `older-schema`, `newer-schema`, `unavailable`.
 */
export async function openCassandra({ cassandra, slotOf, clock, ephemeral }: OpenOptions): Promise<Storage> {
  const connection = new Connection(cassandra)
  await connection.open()
  try {
    await checkSchema(connection, cassandra.keyspace)
    const engine = new CassandraEngine(connection, new Slots(connection, slotOf), clock)
    await engine.open()
    return storageOf(engine, ephemeral ?? memoryEphemeral(clock), clock)
  } catch (error) {
    await connection.close()
    throw error
  }
}
