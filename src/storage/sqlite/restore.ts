import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from '../types.ts'
import { verifyDatabase } from './caretaker-core.ts'
import { FILE, makeFolder, openForWriting } from './database.ts'
import { storageError } from './errors.ts'

/**
 * Brings a copy that `Storage.backup` made in the folder `from` back into `folder`, which must be empty or absent, and checks it there.
 * Throws a StorageError; then nothing is left of it. For a storage that is not open.
 */
export function restoreSqlite(from: string, folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new StorageError('invalid', `${folder} is not empty: restore into an empty data folder`)
  makeFolder(folder)
  const file = join(folder, FILE)
  try {
    copyFileSync(join(from, FILE), file)
    check(folder)
  } catch (error) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
    throw storageError(error)
  }
}

function check(folder: string): void {
  const db = openForWriting(folder, 'full')
  try {
    const [found] = verifyDatabase(db)
    if (found !== undefined) throw new StorageError('corrupt', `the copy is damaged: ${found}`)
  } finally {
    db.close()
  }
}
