/** Part of the composition root: picks the back ends that the configuration names. The only place that names them. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { singleNode } from './cluster/single-node.ts'
import { SLOTS, slotOf } from './cluster/slots.ts'
import type { Cluster } from './cluster/types.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import { TidingsError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { ClusterParts } from './redis-cluster.ts'
import type { CassandraOptions } from './storage/cassandra/options.ts'
import type { Engine } from './storage/engine.ts'
import type { Ephemeral, Storage, StorageError } from './storage/types.ts'
import { Certificates } from './tls/certificates.ts'

/** Tells the operator what he should know, under a stable code. */
export type Warn = (code: string, text: string) => void

/** How long Cassandra is waited for when a server starts, ms: both may have been started at the same time. */
const CASSANDRA_MS = 60_000

/** Opens the storage that the configuration names. `offline`: for a command while no server runs; rejects where some node of the cluster does. */
export async function openStorage(config: Config, clock: Clock, log: Log, offline = false): Promise<Storage> {
  switch (config.storage.kind) {
    case 'memory': {
      const { memoryStorage } = await import('./storage/memory.ts')
      return memoryStorage({ clock })
    }
    case 'sqlite': {
      const { openSqlite } = await import('./storage/sqlite/open.ts')
      return openSqlite({ folder: config.data, clock, onProblem: problems(log) })
    }
    case 'cassandra': {
      const { openCassandra } = await import('./storage/cassandra/open.ts')
      // A node that is alone holds all slots; else the cluster says which.
      const alone = config.cluster.kind === 'local' || (offline && (() => refuseWhileNodesRun(config)))
      const ephemeral = await sharedValues(config)
      return openCassandra({
        cassandra: await cassandraOptions(config),
        slots: { slotOf, SLOTS },
        alone,
        clock,
        wait: offline ? 0 : CASSANDRA_MS,
        waits: err => log.warn({ code: 'TIDINGS_STORAGE_WAITS', err }, 'Cassandra is waited for'),
        ...(ephemeral && { ephemeral }),
      })
    }
  }
}

/** The engine of a storage that several processes share: this one has it on behalf of all (workers/). */
export async function openSharedEngine(config: Config, clock: Clock, log: Log): Promise<Engine> {
  switch (config.storage.kind) {
    case 'memory': {
      const { memoryEngine } = await import('./storage/memory.ts')
      return memoryEngine({ clock })
    }
    case 'sqlite': {
      const { openSqliteEngine } = await import('./storage/sqlite/open.ts')
      return openSqliteEngine({ folder: config.data, clock, onProblem: problems(log) })
    }
    case 'cassandra':
      throw new TypeError('a storage that many share by itself')
  }
}

function problems(log: Log): (err: StorageError) => void {
  return err => log.error({ code: 'TIDINGS_STORAGE_PROBLEM', err }, 'the storage has a problem')
}

/** Brings the schema of the storage to the version that this program needs. Rejects with a TidingsError where there is none. */
export async function migrateStorage(config: Config): Promise<{ from: number; to: number }> {
  const { kind, cassandra } = config.storage
  if (kind !== 'cassandra')
    throw new TidingsError(
      'TIDINGS_NOT_MIGRATED',
      `storage.kind is "${kind}", which the server brings up to date by itself when it starts`,
    )
  const { migrateCassandra } = await import('./storage/cassandra/migrate.ts')
  return migrateCassandra(await cassandraOptions(config), cassandra.replication)
}

async function cassandraOptions({ storage: { cassandra } }: Config): Promise<CassandraOptions> {
  const { user, password, keyspace, consistency, requests, tls } = cassandra
  const read = (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readFile(path, 'utf8')
  const files = tls && {
    authority: await read(tls.authority),
    certificate: await read(tls.certificate),
    key: await read(tls.key),
  }
  return {
    contactPoints: cassandra['contact-points'],
    localDataCenter: cassandra['local-data-center'],
    keyspace,
    consistency,
    requests,
    ...(user !== '' && { user, password }),
    ...(files && { tls: files }),
  }
}

/** Makes the data folder where the storage is elsewhere. The data are the passwords' keys and everybody's messages: nobody else's business. */
export async function checkFolder({ data, storage }: Config, warn: Warn): Promise<void> {
  if (storage.kind === 'memory') return
  await mkdir(data, { recursive: true, mode: 0o700 })
  const { mode } = await stat(data)
  if ((mode & 0o077) !== 0)
    warn('TIDINGS_DATA_OPEN', `other users of this machine may look into ${data}: chmod 700 keeps them out`)
}

/** Joins the cluster that the configuration names. */
export async function openCluster({ cluster }: Config, parts: ClusterParts): Promise<Cluster> {
  if (cluster.kind === 'local') return singleNode()
  const { openRedisCluster } = await import('./redis-cluster.ts')
  return openRedisCluster(cluster, parts)
}

/** Rejects with a TidingsError unless it is known that no node of the cluster runs. */
async function refuseWhileNodesRun({ cluster }: Config): Promise<void> {
  const { livingNodes } = await import('./redis-cluster.ts')
  const nodes = await livingNodes(cluster.redis).catch((cause: unknown) => {
    const text = 'Redis does not answer, and only it knows whether nodes of the cluster run: start it first'
    throw new TidingsError('TIDINGS_REDIS_LOST', text, { cause })
  })
  if (nodes.length === 0) return
  throw new TidingsError(
    'TIDINGS_LOCKED',
    'nodes of the cluster run on other machines: have one of them do this, with the configuration it was started with',
  )
}

/** Short-lived values of all nodes; undefined where one node keeps its own. */
async function sharedValues({ cluster }: Config): Promise<Ephemeral | undefined> {
  if (cluster.kind === 'local') return undefined
  const { openRedisEphemeral } = await import('./redis-cluster.ts')
  return openRedisEphemeral(cluster.redis)
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
