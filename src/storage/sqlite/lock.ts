import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StorageError } from '../types.ts'

/** Holds a folder for one process. */
export interface FolderLock {
  release(): void
}

/**
 * Takes the lock of a folder or throws `in-use`. It is a lock of the operating system, taken by SQLite on a small database,
 * so it ends with its process however that ends; a file left behind means nothing.
 * (A lock of our own on a file would be lost as soon as any other part of the process closed that file.)
 */
export function lockFolder(folder: string): FolderLock {
  const lockFile = join(folder, 'lock')
  const pidFile = join(folder, 'pid')
  const db = new DatabaseSync(lockFile)
  try {
    chmodSync(lockFile, 0o600)
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    db.close()
    const held = (cause as { errcode?: number }).errcode === 5 // SQLITE_BUSY
    if (!held) throw cause
    throw new StorageError('in-use', `the data in ${folder} are in use by process ${readPid(pidFile)}`, {
      cause,
    })
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    release() {
      rmSync(pidFile, { force: true })
      db.close()
    },
  }
}

function readPid(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown'
  } catch {
    return 'unknown'
  }
}
