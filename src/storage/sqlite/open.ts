/** The embedded storage: SQLite in a folder, written by one thread and read by another (ARCHITECTURE §8). */
import { memoryEphemeral } from '../ephemeral.ts'
import { storageOf } from '../front.ts'
import type { Ephemeral, Storage, StorageError, WallClock } from '../types.ts'
import type { Synchronous } from './database.ts'
import { startEngine } from './engine.ts'

/** How to open a storage in SQLite. */
export interface SqliteOptions {
  /** Where the data lies: the folder is made if it is not there, readable by its owner only, and locked for this process. */
  readonly folder: string
  /** The machine's clock by default. */
  readonly clock?: WallClock
  /** `full` by default: an ack outlives a power cut. */
  readonly synchronous?: Synchronous
  /** Short-lived values; kept in the memory of this process by default. */
  readonly ephemeral?: Ephemeral
  /** Told of failures that nobody waits for. Those of kind `unavailable` with a thread's end are final: all later calls fail. */
  readonly onProblem?: (problem: StorageError) => void
}

/**
 * Opens (and makes or migrates) the storage in a folder. Rejects with a `StorageError`:
 * `in-use` names the process that holds the folder, `newer-schema` asks for a newer program.
 */
export async function openSqlite(options: SqliteOptions): Promise<Storage> {
  const clock = options.clock ?? { now: () => Date.now() }
  const { folder, synchronous = 'full', onProblem = () => undefined } = options
  const engine = await startEngine({ folder, clock, synchronous, onProblem })
  return storageOf(engine, options.ephemeral ?? memoryEphemeral(clock), clock)
}
