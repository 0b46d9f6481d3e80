/**
 * The master of Redis dies, or is frozen, under load, and its Sentinels name another one: nodes find it, nothing acknowledged is lost, nothing seen
 * twice or out of order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type RedisProcess, startRedisSentinel } from '../../scripts/services/redis.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { describe } from './loss-count.ts'

const PAIRS = 6
const NODES = 3
const PASSWORD = 'secret'
/** A pause of senders, ms: generator and servers share the machine. */
const PAUSE = 50
const SOME = 20
/** Until everything goes on, ms: the new master is watched for the time of a lease, if those of the nodes have run out. */
const HEALED = 45_000
const POLL = 100

const skip = withoutCassandra() ?? false
t.setTimeout(420_000)

t.test('another master under load', { skip }, async t => {
  const cluster = await clusterProcesses(t, {
    nodes: NODES,
    users: usersOf(PAIRS),
    password: PASSWORD,
    redis: startRedisSentinel,
  })
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    pause: PAUSE,
    port: () => cluster.somePort(),
  })
  const [first, second] = cluster.redis.servers as [RedisProcess, RedisProcess]
  // Each becomes the master in its turn; what was it before is a replica when it is back.
  const rounds = [
    { master: first, other: second, signal: 'SIGKILL', back: () => first.restart() },
    { master: second, other: first, signal: 'SIGSTOP', back: async () => second.signal('SIGCONT') },
  ] as const
  for (const { master, other, signal, back } of rounds) {
    load.write()
    await load.allProgress(SOME)
    const began = performance.now()
    master.signal(signal)
    while (!other.run(['role']).startsWith('master')) await sleep(POLL)
    const named = performance.now() - began
    await load.allProgress(SOME, HEALED)
    const went = performance.now() - began
    await agreed(cluster.nodes[0]!, NODES)
    await back()
    while (!master.run(['info', 'replication']).includes('master_link_status:up')) await sleep(POLL)
    await load.allProgress(SOME, HEALED)
    const fared = await load.rest()
    const { missing, visible, order, acknowledged, refused, breaks, stall } = fared
    t.same({ missing, visible, order }, { missing: 0, visible: 0, order: 0 }, `${signal}: ${describe(fared)}`)
    t.comment(
      `${signal}: another master after ${named.toFixed(0)} ms, each pair has gone on after ${went.toFixed(0)} ms; ${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections, longest stall ${stall.toFixed(0)} ms`,
    )
  }
  await load.close()
})
