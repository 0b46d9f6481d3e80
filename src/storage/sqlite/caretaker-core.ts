/** What the caretaker thread does, apart from being a thread: long looks at the whole database that nobody else should have to wait for. */
import { closeSync, existsSync, fdatasyncSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { backup, type DatabaseSync } from 'node:sqlite'
import { StorageError } from '../types.ts'
import { FILE, makeFolder, openForReading } from './database.ts'

/** Pages (4 KiB) copied at a time, about a millisecond's work. */
const STEP_PAGES = 256
/** Pages after which the copy is brought to the disk, so that a commit never finds a mountain of it before its own sync. */
const SYNC_PAGES = 1024
/** Findings of a check that are worth telling. */
const MOST_FINDINGS = 20

/**
 * Copies what is committed into a folder, which is made. `stopped` ends it before its time: then it rejects.
 * Page by page: `VACUUM INTO` writes the whole anew in one statement, which could neither be stopped nor written through on its way. On
 * the writer's connection it would take turns with commits; here they meet at the disk alone.
 * The copy is that of one moment: a snapshot is held while pages are copied, else each commit would start it anew.
 */
export async function copyDatabase(folder: string, to: string, stopped: () => boolean): Promise<void> {
  makeFolder(to)
  const target = join(to, FILE)
  if (existsSync(target)) throw new StorageError('invalid', `there is a copy in ${to} already`)
  const file = openSync(target, 'wx', 0o600)
  try {
    await copySnapshot(folder, target, () => {
      if (stopped()) throw new StorageError('closed', 'the storage was closed')
      fdatasyncSync(file)
    })
  } catch (error) {
    rmSync(target)
    throw error
  } finally {
    closeSync(file)
  }
}

/** `pause` is called now and then, and at the end. */
async function copySnapshot(folder: string, target: string, pause: () => void): Promise<void> {
  const db = openForReading(folder)
  let paused = 0
  const progress = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }): void => {
    if (totalPages - remainingPages - paused < SYNC_PAGES) return
    paused = totalPages - remainingPages
    pause()
  }
  try {
    db.exec('BEGIN')
    db.prepare('SELECT 1 FROM progress').get()
    await backup(db, target, { rate: STEP_PAGES, progress })
    pause()
  } finally {
    db.close()
  }
}

/** What SQLite finds wrong with the database of a folder, a line each. */
export function verifyFolder(folder: string): string[] {
  const db = openForReading(folder)
  try {
    return verifyDatabase(db)
  } finally {
    db.close()
  }
}

/** What SQLite finds wrong with a database, a line each. */
export function verifyDatabase(db: DatabaseSync): string[] {
  const rows = db.prepare(`PRAGMA quick_check(${MOST_FINDINGS})`).all()
  return rows.map(row => String(row.quick_check)).filter(line => line !== 'ok')
}
