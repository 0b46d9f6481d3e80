/** The embedded storage: SQLite in a folder, written by one thread and read by another (ARCHITECTURE §8). */
import type { Engine } from '../engine.ts'
import { memoryEphemeral } from '../ephemeral.ts'
import { storageOf } from '../front.ts'
import type { Ephemeral, Storage, StorageError, WallClock } from '../types.ts'
import type { Synchronous } from './database.ts'
import { startEngine } from './engine.ts'

const SYSTEM: WallClock = { now: () => Date.now() }

/** How to open SQLite. */
export interface EngineOptions {
  /** Where the data lies: the folder is made if it is not there, readable by its owner only, and locked for this process. */
  readonly folder: string
  /** The machine's clock by default. */
  readonly clock?: WallClock
  /** `full` by default: an ack outlives a power cut. */
  readonly synchronous?: Synchronous
  /** Told of failures that nobody waits for. Those of kind `unavailable` with a thread's end are final: all later calls fail. */
  readonly onProblem?: (problem: StorageError) => void
}

/** How to open a storage in SQLite. */
export interface SqliteOptions extends EngineOptions {
  /** Short-lived values; kept in the memory of this process by default. */
  readonly ephemeral?: Ephemeral
}

/**
 * Opens (and makes or migrates) the storage in a folder. Rejects with a `StorageError`:
 * `in-use` names the process that holds the folder, `newer-schema` asks for a newer program.
 */
export async function openSqlite(options: SqliteOptions): Promise<Storage> {
  const { clock = SYSTEM } = options
  const engine = await openSqliteEngine(options)
  return storageOf(engine, options.ephemeral ?? memoryEphemeral(clock), clock)
}

/** The same without the part that all back ends share: for a process that has it on behalf of others (shared/). */
export function openSqliteEngine(options: EngineOptions): Promise<Engine> {
  const { folder, clock = SYSTEM, synchronous = 'full', onProblem = () => undefined } = options
  return startEngine({ folder, clock, synchronous, onProblem })
}
