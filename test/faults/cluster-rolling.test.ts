/**
 * Three nodes over Redis and Cassandra while pairs of users write. One after the other is drained, stopped and started again; then a fourth
 * comes and goes, so that slots move and no connection breaks: nothing is lost, refused, seen twice or out of order. `TIDINGS_FULL=1` goes round more
 * often, `TIDINGS_ROUNDS` so many times.
 */
import t, { type Test } from 'tap'
import type { NodeProcess } from '../../scripts/services/cluster.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses, startServices } from '../support/cluster-processes.ts'
import { type Fared, PairedLoad, usersOf } from '../support/paired-load.ts'
import { describe } from './loss-count.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 2 : 1))
/** Times that the fourth node comes and goes in a round. */
const VISITS = 3
const PAIRS = 6
const NODES = 3
const PASSWORD = 'secret'
/** Messages of each sender between two steps. */
const BETWEEN = 20
/** A pause of senders between bursts, ms: generator and servers share the machine. */
const PAUSE = 50
/** Over how many seconds clients are sent away. */
const DRAIN_SECONDS = '3'

t.jobs = 1
t.setTimeout(180_000 + ROUNDS * 180_000)

/** What nobody may notice. */
function unnoticed(t: Test, fared: Fared, what: string): void {
  const { missing, visible, order, refused } = fared
  const none = { missing: 0, visible: 0, order: 0, refused: 0 }
  t.same({ missing, visible, order, refused }, none, `${what}: ${describe(fared)}`)
}

function tell(t: Test, { acknowledged, breaks, resumed, stall, ...losses }: Fared): void {
  t.comment(`${describe(losses)}, of ${acknowledged} acknowledged`)
  t.comment(`${breaks} broken connections, ${resumed} resumed; longest stall ${stall.toFixed(0)} ms`)
}

/** Sends everybody away from a node and ends it. */
async function drainAndStop(t: Test, node: NodeProcess): Promise<void> {
  node.open = false
  const said = await node.run(['drain', '--seconds', DRAIN_SECONDS])
  t.match(said, /connections closed/, said)
  t.equal(await node.end('SIGTERM'), 0, 'ends in order')
}

const skip = withoutCassandra()
if (skip !== undefined) t.plan(0, skip)
else {
  const services = await startServices(t)
  const setUp = async (t: Test, name: string) => {
    const users = usersOf(PAIRS)
    const cluster = await clusterProcesses(t, { services, name, users, password: PASSWORD, nodes: NODES })
    return cluster
  }

  t.test('a rolling restart under load', async t => {
    const cluster = await setUp(t, 'rolling')
    const port = (): number => cluster.somePort()
    const load = await PairedLoad.connect(t, { pairs: PAIRS, password: PASSWORD, pause: PAUSE, port })
    let fared: Fared | undefined
    for (let round = 0; round < ROUNDS; round++) {
      load.write()
      for (const [n, node] of cluster.nodes.entries()) {
        await load.allProgress(BETWEEN)
        await drainAndStop(t, node)
        await load.allProgress(BETWEEN)
        await node.start()
        await agreed(cluster.nodes[(n + 1) % NODES]!, NODES)
      }
      await load.allProgress(BETWEEN)
      fared = await load.rest()
      unnoticed(t, fared, `round ${round}`)
    }
    tell(t, fared!)
    t.ok(fared!.resumed > 0, 'sessions go on at other nodes')
    await load.close()
  })

  t.test('slots move under load', async t => {
    const cluster = await setUp(t, 'moving')
    const [first, ...others] = cluster.nodes
    const lasting = [first!, ...others]
    let next = 0
    const port = (): number => lasting[next++ % NODES]!.port
    const load = await PairedLoad.connect(t, { pairs: PAIRS, password: PASSWORD, pause: PAUSE, port })
    let visitor: NodeProcess | undefined
    let fared: Fared | undefined
    for (let round = 0; round < ROUNDS; round++) {
      load.write()
      for (let visit = 0; visit < VISITS; visit++) {
        if (visitor === undefined) visitor = await cluster.add()
        else await visitor.start()
        await agreed(first!, NODES + 1)
        await load.allProgress(BETWEEN)
        await drainAndStop(t, visitor)
        await agreed(first!, NODES)
        await load.allProgress(BETWEEN)
      }
      fared = await load.rest()
      unnoticed(t, fared, `round ${round}`)
    }
    tell(t, fared!)
    t.equal(fared!.breaks, 0, 'no connection breaks')
    t.equal(fared!.raw, 0, 'nothing comes twice')
    await load.close()
  })
}
