/** Storage in Cassandra 5.0 (docs/decisions/0020-cassandra-layout.md). */
import { memoryEphemeral } from '../ephemeral.ts'
import { storageOf } from '../front.ts'
import type { Ephemeral, Storage, StorageError, WallClock } from '../types.ts'
import { Connection } from './connection.ts'
import { CassandraEngine } from './engine.ts'
import { LoneHolder } from './lone-holder.ts'
import { checkSchema, older } from './migrate.ts'
import type { CassandraOptions } from './options.ts'
import { Slots } from './slots.ts'

/** How to open a storage in Cassandra. */
export interface OpenOptions {
  readonly cassandra: CassandraOptions
  /** The slots of owners: src/cluster/slots.ts. */
  readonly slots: { readonly SLOTS: number; readonly slotOf: (owner: string) => number }
  /** Holds all slots, as long as it is open: for a process that is no part of a cluster. */
  readonly alone?: boolean
  readonly clock: WallClock
  /** Short-lived values; kept in the memory of this process by default. */
  readonly ephemeral?: Ephemeral
}

/**
 * Opens the storage of a keyspace that `migrateCassandra` has made. Nothing can be written before slots were taken (`Storage.fence`).
 * Rejects with a StorageError: `older-schema`, `newer-schema`, `unavailable`; `in-use` where another process holds it alone, too.
 */
export async function openCassandra(options: OpenOptions): Promise<Storage> {
  const { cassandra, clock, ephemeral, slots: all, alone = false } = options
  const connection = new Connection(cassandra)
  await connection.open().catch((error: StorageError) => {
    // A connection is made for a keyspace; the only thing about it that can be refused is that it is not there.
    throw error.code === 'invalid' ? older(cassandra.keyspace, 0) : error
  })
  try {
    await checkSchema(connection, cassandra.keyspace)
    const slots = new Slots(connection, all.slotOf)
    const holder = alone ? new LoneHolder(connection, slots, all.SLOTS) : undefined
    await holder?.open()
    const engine = new CassandraEngine({ connection, slots, holder, clock })
    await engine.open()
    return storageOf(engine, ephemeral ?? memoryEphemeral(clock), clock)
  } catch (error) {
    await connection.close()
    throw error
  }
}
