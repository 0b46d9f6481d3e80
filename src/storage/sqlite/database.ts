import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { checkVersion, migrate } from './migrations/index.ts'

/** How long a commit waits for the disk: `full` outlives a power cut; `normal` only a crash of the process, `off` for tests alone. */
export type Synchronous = 'full' | 'normal' | 'off'

/** The database's name in its folder, and in a backup. */
export const FILE = 'tidings.db'

/** How long to wait for somebody else's lock, ms: our own threads never wait for each other, but an operator may have opened the file too. */
export const BUSY_MS = 100

/** KiB of pages kept by each thread. */
const CACHE = { writer: 8192, reader: 4096 }

/** Makes the folder (0700) if it is not there yet, durably: SQLite syncs the names in the folder, but not the folder's own. */
export function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  for (let child = resolve(folder); child.length >= made.length; child = dirname(child))
    syncFolder(dirname(child))
}

/** Opens the database for the writer, making or migrating it first. The caller holds the lock of the folder. */
export function openForWriting(folder: string, synchronous: Synchronous): DatabaseSync {
  const file = join(folder, FILE)
  const db = new DatabaseSync(file, { timeout: BUSY_MS })
  try {
    // The log and the shared memory file get the mode of the database.
    chmodSync(file, 0o600)
    checkVersion(db)
    db.exec(`PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${synchronous};
      PRAGMA secure_delete = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -${CACHE.writer};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = 33554432`)
    migrate(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opens the database for the reader. The writer has opened it before. */
export function openForReading(folder: string): DatabaseSync {
  const db = new DatabaseSync(join(folder, FILE), { timeout: BUSY_MS })
  db.exec(`PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE.reader}`)
  return db
}

/** Runs `task` in a transaction, and rolls back when it throws. */
export function transaction<R>(db: DatabaseSync, task: () => R): R {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = task()
    db.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite has rolled back by itself after some errors (disk full, I/O).
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Runs a transaction that nobody waits for: the sync of the next one is soon enough for it. `synchronous` is what holds otherwise. */
export function unsynced(db: DatabaseSync, synchronous: Synchronous, task: () => void): void {
  if (synchronous === 'full') db.exec('PRAGMA synchronous = NORMAL')
  try {
    transaction(db, task)
  } finally {
    db.exec(`PRAGMA synchronous = ${synchronous}`)
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
