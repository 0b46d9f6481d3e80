/** Storage in Cassandra 5.0 (docs/decisions/0020-cassandra-layout.md). */
import { memoryEphemeral } from '../ephemeral.ts'
import { storageOf } from '../front.ts'
import type { Ephemeral, Storage, StorageError, WallClock } from '../types.ts'
import { Connection } from './connection.ts'
import { CassandraEngine } from './engine.ts'
import { mayPass, Passing } from './errors.ts'
import { LoneHolder, refuseWhileHeld } from './lone-holder.ts'
import { checkSchema, older } from './migrate.ts'
import type { CassandraOptions } from './options.ts'
import { patiently } from './patience.ts'
import { Slots } from './slots.ts'

/** How to open a storage in Cassandra. */
export interface OpenOptions {
  readonly cassandra: CassandraOptions
  /** The slots of owners: src/cluster/slots.ts. */
  readonly slots: { readonly SLOTS: number; readonly slotOf: (owner: string) => number }
  /**
   * Holds all slots, as long as it is open: for a process that is no part of a cluster. A function is asked when other such processes are kept out, and
   * before slots are taken: it rejects where nodes of a cluster run.
   */
  readonly alone?: boolean | (() => Promise<void>)
  readonly clock: WallClock
  /** How long Cassandra is waited for, ms, where it does not answer yet; 0 by default. */
  readonly wait?: number
  /** Told once that it is waited for, and why. */
  readonly waits?: (trouble: StorageError) => void
  /** Short-lived values; kept in the memory of this process by default. */
  readonly ephemeral?: Ephemeral
}

/**
 * Opens the storage of a keyspace that `migrateCassandra` has made. Nothing can be written before slots were taken (`Storage.fence`).
 * Rejects with a StorageError: `older-schema`, `newer-schema`, `unavailable`; `in-use` where another process holds it alone, too.
 */
export async function openCassandra(options: OpenOptions): Promise<Storage> {
  try {
    return await opened(options)
  } catch (error) {
    // It is closed with the storage, and there is none.
    options.ephemeral?.close?.()
    throw error
  }
}

async function opened(options: OpenOptions): Promise<Storage> {
  const { clock, ephemeral, slots: all, alone = false } = options
  const connection = await connected(options)
  try {
    const lone = alone !== false
    // Nodes of a cluster look whenever they take slots, which is after they have told the others that they are there: one of the two is seen.
    const slots = new Slots(connection, all.slotOf, lone ? undefined : () => refuseWhileHeld(connection))
    const holder = lone ? new LoneHolder(connection, slots, all.SLOTS) : undefined
    await holder?.open(typeof alone === 'function' ? alone : undefined)
    const engine = new CassandraEngine({ connection, slots, holder, clock })
    await engine.open()
    return storageOf(engine, ephemeral ?? memoryEphemeral(clock), clock)
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** A connection to a keyspace that this program can use. */
async function connected({ cassandra, wait = 0, waits }: OpenOptions): Promise<Connection> {
  let told = false
  try {
    return await patiently(wait, () =>
      connectedNow(cassandra).catch((error: StorageError) => {
        if (!told && wait > 0 && mayPass(error)) waits?.(error)
        told = true
        throw error
      }),
    )
  } catch (error) {
    if (wait === 0 || !mayPass(error)) throw error
    const { message } = error as StorageError
    const where = cassandra.contactPoints.join(', ')
    throw new Passing(
      `${message.replace('Cassandra: ', '')}, for ${wait / 1000} s: does it run, and can ${where} be reached from here?`,
    )
  }
}

async function connectedNow(cassandra: CassandraOptions): Promise<Connection> {
  const connection = new Connection(cassandra)
  await connection.open().catch((error: StorageError) => {
    // A connection is made for a keyspace; the only thing about it that can be refused is that it is not there.
    throw error.code === 'invalid' ? older(cassandra.keyspace, 0) : error
  })
  try {
    await checkSchema(connection, cassandra.keyspace)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}
