/** Part of the composition root: picks the back ends that the configuration names. The only place that names them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { singleNode } from './cluster/local.ts'
import type { Cluster } from './cluster/types.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import { TidingsError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { Storage, StorageError } from './storage/types.ts'
import { Certificates } from './tls/certificates.ts'

/** Tells the operator what he should know, under a stable code. */
export type Warn = (code: string, text: string) => void

/** Opens the storage that the configuration names. */
export async function openStorage(config: Config, clock: Clock, log: Log): Promise<Storage> {
  switch (config.storage.kind) {
    case 'memory': {
      const { memoryStorage } = await import('./storage/memory.ts')
      return memoryStorage({ clock })
    }
    case 'sqlite': {
      const { openSqlite } = await import('./storage/sqlite/open.ts')
      const onProblem = (err: StorageError): void =>
        log.error({ code: 'TIDINGS_STORAGE_PROBLEM', err }, 'the storage has a problem')
      return openSqlite({ folder: config.data, clock, onProblem })
    }
    default:
      // Never another storage than the one that was asked for: nobody would find the data again.
      throw comesLater('storage.kind', config.storage.kind, 'sqlite')
  }
}

/** The data are the passwords' keys and everybody's messages: nobody else's business. */
export async function checkFolder({ data, storage }: Config, warn: Warn): Promise<void> {
  if (storage.kind === 'memory') return
  const { mode } = await stat(data)
  if ((mode & 0o077) !== 0)
    warn('TIDINGS_DATA_OPEN', `other users of this machine may look into ${data}: chmod 700 keeps them out`)
}

/** Joins the cluster that the configuration names. */
export function openCluster({ cluster }: Config): Cluster {
  if (cluster.kind !== 'local') throw comesLater('cluster.kind', cluster.kind, 'local')
  return singleNode()
}

function comesLater(path: string, value: string, instead: string): TidingsError {
  return new TidingsError(
    'TIDINGS_CONFIG_LATER',
    `${path} "${value}" comes with a later version: write "${instead}" until then`,
  )
}

/** Loads the certificates of all hosts, and watches them. */
export function openCertificates(config: Config, clock: Clock, warn: Warn, log: Log): Promise<Certificates> {
  return Certificates.open({
    hosts: config.hosts.map(({ name, tls }) => ({ name, files: tls })),
    files: config.tls,
    directory: join(config.data, 'certificates'),
    clock,
    report(event) {
      if (event.kind === 'problem') warn(event.problem.code, event.problem.message)
      else log.info({ certificate: event.certificate }, 'certificate loaded')
    },
  })
}
