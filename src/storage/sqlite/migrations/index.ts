import type { DatabaseSync } from 'node:sqlite'
import { StorageError } from '../../types.ts'
import { first } from './001-first.ts'
import { counts } from './002-counts.ts'

/** All migrations in order. One that was published is never changed; new ones are added at the end. */
const migrations: readonly string[] = [first, counts]

/** "TIDI": tells our files from other SQLite databases. */
const APPLICATION_ID = 0x54494449

/** Throws when the data are of a newer program, or not ours. Changes nothing. */
export function checkVersion(db: DatabaseSync): void {
  const version = pragma(db, 'user_version')
  const application = pragma(db, 'application_id')
  if (application !== APPLICATION_ID && !(application === 0 && version === 0 && isEmpty(db)))
    throw new StorageError('corrupt', 'the file is not a database of this program')
  if (version > migrations.length)
    throw new StorageError(
      'newer-schema',
      `the data were written by a newer version (schema ${version}; this one knows ${migrations.length}): use that version`,
    )
}

/** Brings the database to the newest schema, each step in a transaction of its own. */
export function migrate(db: DatabaseSync, steps: readonly string[] = migrations): void {
  for (let next = pragma(db, 'user_version'); next < steps.length; next++) {
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(steps[next]!)
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      db.exec(`PRAGMA user_version = ${next + 1}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables === 0
}
