/** A backup: all that is needed to run the same server again, in one folder. */
import { constants, existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Config } from '../config/config.ts'
import { TidingsError } from '../core/errors.ts'
import { software } from '../core/software.ts'
import type { Storage } from '../storage/types.ts'

/** Written last: a folder without it is no whole backup. */
const MANIFEST = 'backup.json'
/** The self-made certificate, in `data` as in a backup. */
const CERTIFICATES = 'certificates'
/** Certificates that the configuration names; they lie outside of `data`. */
const NAMED = 'tls'

/** What a backup says of itself. */
export interface Manifest {
  /** The program that made it: `Tidings 0.1.0`. */
  readonly program: string
  /** When, ISO 8601. */
  readonly made: string
  readonly hosts: readonly string[]
  /** Files that a restore leaves to the operator, since they lie outside of `data`: where they are in the backup, by where they were. */
  readonly elsewhere: Readonly<Record<string, string>>
}

/** Copies the storage, the certificates and the configuration into a folder, which must be empty or absent. Throws a TidingsError or a StorageError. */
export async function makeBackup(storage: Storage, config: Config, to: string): Promise<Manifest> {
  await openFolder(to)
  await storage.backup(to)
  await copyFolder(join(config.data, CERTIFICATES), join(to, CERTIFICATES))
  const manifest: Manifest = {
    program: `${software.name} ${software.version}`,
    made: new Date().toISOString(),
    hosts: config.hosts.map(({ name }) => name),
    elsewhere: await copyNamed(config, to),
  }
  await writeFile(join(to, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true })
  return manifest
}

/** What a backup says of itself. Throws a TidingsError where there is none. */
export async function readManifest(from: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(join(from, MANIFEST), 'utf8')) as Manifest
  } catch (cause) {
    throw new TidingsError(
      'TIDINGS_BACKUP_MISSING',
      `${from} holds no whole backup: there is no ${MANIFEST} that can be read`,
      { cause },
    )
  }
}

/** Brings what a backup holds beside the storage back into a data folder. */
export async function restoreCertificates(from: string, data: string): Promise<void> {
  await copyFolder(join(from, CERTIFICATES), join(data, CERTIFICATES))
}

async function openFolder(to: string): Promise<void> {
  const held = await mkdir(to, { recursive: true, mode: 0o700 }).then(
    () => readdir(to),
    (cause: NodeJS.ErrnoException) => {
      throw new TidingsError('TIDINGS_BACKUP_TARGET', `${to} cannot be made (${cause.code})`, { cause })
    },
  )
  if (held.length > 0)
    throw new TidingsError('TIDINGS_BACKUP_TARGET', `${to} is not empty: a backup wants a folder of its own`)
  await chmod(to, 0o700)
}

/** The configuration and the certificates that it names. */
async function copyNamed(config: Config, to: string): Promise<Record<string, string>> {
  const pairs = [config.tls, ...config.hosts.map(({ tls }) => tls)].filter(pair => pair !== undefined)
  const named = [...new Set(pairs.flatMap(({ certificate, key }) => [certificate, key]))]
  const copies = named.map((file, index) => [file, join(NAMED, `${index + 1}-${basename(file)}`)] as const)
  // Without a file the defaults were in use.
  const own = existsSync(config.file) ? [[config.file, 'tidings.yaml'] as const] : []
  if (copies.length > 0) await mkdir(join(to, NAMED), { mode: 0o700 })
  for (const [file, copy] of [...copies, ...own]) await copyPrivate(file, join(to, copy))
  return Object.fromEntries([...copies, ...own])
}

async function copyFolder(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const entry of await readdir(from, { withFileTypes: true }))
    if (entry.isFile()) await copyPrivate(join(from, entry.name), join(to, entry.name))
}

/** Keys are among what is copied. */
async function copyPrivate(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL)
  await chmod(to, 0o600)
}
