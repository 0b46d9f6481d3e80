/** Whole nodes for tests: Redis, Cassandra and processes of bin/tidings.js, started together and gone with the test. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Cassandra, type CassandraOptions, startCassandra } from '../../scripts/services/cassandra.ts'
import { type ClusterOptions, ClusterProcesses, type NodeProcess } from '../../scripts/services/cluster.ts'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import { askServer } from '../../src/cli/control/running.ts'
import type { Survey } from '../../src/core/survey.ts'
import { settle } from './settled-redis.ts'

/** A guard for what a cluster comes to by itself, ms. */
const DEADLINE = 60_000
const POLL_MS = 100
/** Lines of a node's log that are shown when a test has failed. */
const TROUBLES = 30

/** What clusters of a test share. */
export interface Services {
  readonly redis: RedisService
  readonly cassandra: Cassandra
}

/** What a test wants to have running. */
export interface ServicesOptions {
  /** Default: one server. */
  readonly redis?: () => Promise<RedisService>
  /** Default: one node with 512 MiB. */
  readonly cassandra?: CassandraOptions
}

/** Starts Redis and Cassandra; gone with the test. */
export async function startServices(t: Test, options: ServicesOptions = {}): Promise<Services> {
  const { redis: start = startRedis, cassandra: wanted = { heap: 512 } } = options
  const stopped = <S extends { stop(): Promise<void> }>(started: S): S => {
    t.teardown(() => started.stop())
    return started
  }
  const [redis, cassandra] = await Promise.all([
    start().then(started => stopped(started)),
    startCassandra(wanted).then(started => stopped(started)),
  ])
  return { redis, cassandra }
}

/** Nodes and accounts. */
export interface TestClusterOptions extends ServicesOptions, Omit<ClusterOptions, 'redis' | 'cassandra'> {
  /** Users of localhost, who all have this password. */
  readonly users: readonly string[]
  readonly password: string
  /** What runs already, in place of what would be started. */
  readonly services?: Services
}

/** Starts it all; resolves when every slot has a home and the accounts are there. */
export async function clusterProcesses(t: Test, options: TestClusterOptions): Promise<ClusterProcesses> {
  const { users, password, name = 'tidings' } = options
  const { redis, cassandra } = options.services ?? (await startServices(t, options))
  if (redis.servers.length === 1) settle(redis, name)
  const cluster = await ClusterProcesses.start({ ...options, redis, cassandra, name })
  t.teardown(async () => {
    if (!t.passing()) await tellTroubles(t, cluster)
    await cluster.stop()
  })
  const list = join(cluster.folder, 'accounts.csv')
  await writeFile(list, users.map(user => `${user}@localhost,${password}\n`).join(''))
  const [first] = cluster.nodes
  await agreed(first!, cluster.nodes.length)
  await first!.run(['user', 'import', list])
  return cluster
}

/** What the nodes of a test that has failed logged as warnings and worse, the last of each. */
async function tellTroubles(t: Test, { nodes }: ClusterProcesses): Promise<void> {
  for (const { log, data } of nodes) {
    const lines = (await readFile(log, 'utf8')).split('\n')
    for (const line of lines.filter(line => /"level":"(warn|error|fatal)"/.test(line)).slice(-TROUBLES))
      t.comment(`${basename(data)}: ${line}`)
  }
}

/** What a node knows of all: their slots, sessions, lag; what `tidings cluster` prints. */
async function survey(node: NodeProcess): Promise<Survey> {
  const done = await askServer(node.data, { op: 'cluster' })
  if (done?.survey === undefined) throw new Error(`${node.data} does not answer`)
  return done.survey
}

/** Resolves when a node sees exactly so many, itself among them, each with slots, and none is without a home; gives how long that took, ms. Rejects after a minute. */
export async function agreed(node: NodeProcess, count: number): Promise<number> {
  const started = performance.now()
  for (;;) {
    const { nodes, homeless } = await survey(node)
    if (homeless === 0 && nodes.length === count && nodes.every(({ slots }) => slots > 0))
      return performance.now() - started
    if (performance.now() - started > DEADLINE)
      throw new Error(`not ${count} nodes: ${JSON.stringify({ nodes, homeless })}`)
    await sleep(POLL_MS)
  }
}
