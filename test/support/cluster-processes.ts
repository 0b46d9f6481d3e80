/** Whole nodes for tests: Redis, Cassandra and processes of bin/tidings.js, started together and gone with the test. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type CassandraOptions, startCassandra } from '../../scripts/services/cassandra.ts'
import { type ClusterOptions, ClusterProcesses, type NodeProcess } from '../../scripts/services/cluster.ts'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import { askServer } from '../../src/cli/control/running.ts'
import type { Survey } from '../../src/core/survey.ts'

/** A guard for what a cluster comes to by itself, ms. */
const DEADLINE = 60_000
const POLL_MS = 100

/** What a test wants to have running. */
export interface TestClusterOptions extends Pick<ClusterOptions, 'nodes' | 'node'> {
  /** Users of localhost, who all have this password. */
  readonly users: readonly string[]
  readonly password: string
  /** Default: one server. */
  readonly redis?: () => Promise<RedisService>
  /** Default: one node with 512 MiB. */
  readonly cassandra?: CassandraOptions
}

/** Starts it all; resolves when every slot has a home and the accounts are there. */
export async function clusterProcesses(t: Test, options: TestClusterOptions): Promise<ClusterProcesses> {
  const { users, password, redis: start = startRedis, cassandra: wanted = { heap: 512 }, ...more } = options
  const [redis, cassandra] = await Promise.all([
    start().then(started => {
      t.teardown(() => started.stop())
      return started
    }),
    startCassandra(wanted).then(started => {
      t.teardown(() => started.stop())
      return started
    }),
  ])
  const cluster = await ClusterProcesses.start({ redis, cassandra, ...more })
  t.teardown(() => cluster.stop())
  const list = join(cluster.folder, 'accounts.csv')
  await writeFile(list, users.map(user => `${user}@localhost,${password}\n`).join(''))
  const [first] = cluster.nodes
  await first!.run(['user', 'import', list])
  await agreed(first!, cluster.nodes.length)
  return cluster
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
