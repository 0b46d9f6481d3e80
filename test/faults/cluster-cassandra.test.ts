/**
 * One of three nodes of Cassandra is killed, and one frozen, while pairs of users write to each other on nodes of ours, one of which is killed as well meanwhile: so
 * slots are taken with two copies. Nothing acknowledged is lost, nothing seen twice or out of order.
 */
import t from 'tap'
import type { NodeProcess } from '../../scripts/services/cluster.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { describe } from './loss-count.ts'

const PAIRS = 4
const NODES = 2
const PASSWORD = 'secret'
/** A pause of senders, ms: generator and servers share the machine. */
const PAUSE = 100
const SOME = 20
/** Until all pairs go on, ms. */
const GOES_ON = 60_000

const skip = withoutCassandra() ?? false
t.setTimeout(600_000)

t.test('nodes of Cassandra stop and freeze under load', { skip }, async t => {
  const cluster = await clusterProcesses(t, {
    nodes: NODES,
    users: usersOf(PAIRS),
    password: PASSWORD,
    cassandra: { nodes: 3, heap: 448 },
  })
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    pause: PAUSE,
    port: () => cluster.somePort(),
  })
  const [, second, third] = cluster.cassandra.nodes
  const [one, other] = cluster.nodes as [NodeProcess, NodeProcess]
  const faults = [
    { what: 'killed', begin: () => third!.signal('SIGKILL'), end: () => third!.restart() },
    { what: 'frozen', begin: () => second!.signal('SIGSTOP'), end: async () => second!.signal('SIGCONT') },
  ]
  for (const { what, begin, end } of faults) {
    load.write()
    await load.allProgress(SOME)
    begin()
    await load.allProgress(SOME, GOES_ON)
    await other.end('SIGKILL')
    await agreed(one, NODES - 1)
    await load.allProgress(SOME, GOES_ON)
    await other.start()
    await agreed(one, NODES)
    await end()
    await load.allProgress(SOME, GOES_ON)
    const fared = await load.rest()
    const { missing, visible, order, acknowledged, refused, breaks, stall } = fared
    t.same({ missing, visible, order }, { missing: 0, visible: 0, order: 0 }, `${what}: ${describe(fared)}`)
    t.comment(
      `${what}, so far ${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections, longest stall ${stall.toFixed(0)} ms`,
    )
  }
  await load.close()
})
