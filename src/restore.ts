/** Part of the composition root: brings a backup back into the back end that the configuration names. */
import { readdir } from 'node:fs/promises'
import type { Config } from './config/config.ts'
import { TidingsError } from './core/errors.ts'
import { type Manifest, readManifest, restoreCertificates } from './operations/backup.ts'

/** Restores a backup into the empty data folder of a server that does not run, and checks it. Throws a TidingsError or a StorageError. */
export async function restoreBackup(config: Config, from: string): Promise<Manifest> {
  const manifest = await readManifest(from)
  if (config.storage.kind !== 'sqlite')
    throw new TidingsError(
      'TIDINGS_BACKUP_TARGET',
      `a backup cannot be restored into storage.kind "${config.storage.kind}": set it to "sqlite"`,
    )
  await checkEmpty(config.data)
  const { restoreSqlite } = await import('./storage/sqlite/restore.ts')
  restoreSqlite(from, config.data)
  await restoreCertificates(from, config.data)
  return manifest
}

async function checkEmpty(data: string): Promise<void> {
  const held = await readdir(data).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new TidingsError('TIDINGS_BACKUP_TARGET', `${data} cannot be read (${error.code})`, {
      cause: error,
    })
  })
  if (held.length > 0)
    throw new TidingsError(
      'TIDINGS_BACKUP_TARGET',
      `${data} is not empty: stop the server and move it away, or set another "data"`,
    )
}
