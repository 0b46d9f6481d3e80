/**
 * A node of three over Redis and Cassandra is killed (SIGKILL) while pairs of users write, again and again: whatever a sender has an acknowledgement
 * for arrives, in order, and nobody sees anything twice. `TIDINGS_FULL=1` runs 10 rounds, `TIDINGS_ROUNDS` so many.
 */
import t from 'tap'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { describe, NONE } from './loss-count.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 10 : 2))
const PAIRS = 6
const NODES = 3
/** Most messages of a sender that are acknowledged before the kill. */
const MOST = 200
const AFTERWARDS = 20
const PASSWORD = 'secret'
/** A pause of senders, ms: generator and servers share the machine. */
const PAUSE = 50
/** Within which others have the slots of the dead, ms. */
const AT_LAST = 10_000

t.setTimeout(180_000 + ROUNDS * 60_000)

const skip = withoutCassandra() ?? false

t.test('a node is killed under load', { skip }, async t => {
  const cluster = await clusterProcesses(t, { nodes: NODES, users: usersOf(PAIRS), password: PASSWORD })
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    pause: PAUSE,
    port: () => cluster.somePort(),
  })
  let fared = { ...NONE, acknowledged: 0, refused: 0, breaks: 0, resumed: 0, stall: 0 }
  let longest = 0
  for (let round = 0; round < ROUNDS; round++) {
    load.write()
    await load.progress(round, Math.ceil(Math.random() * MOST))
    const victim = cluster.nodes[round % NODES]!
    const survivor = cluster.nodes[(round + 1) % NODES]!
    await victim.end('SIGKILL')
    const took = await agreed(survivor, NODES - 1)
    longest = Math.max(longest, took)
    t.ok(took <= AT_LAST, `round ${round}: all slots have a home again after ${took.toFixed(0)} ms`)
    await load.allProgress(AFTERWARDS)
    await victim.start()
    await agreed(survivor, NODES)
    await load.allProgress(AFTERWARDS)
    fared = await load.rest()
    const { missing, visible, order } = fared
    t.same(
      { missing, visible, order },
      { missing: 0, visible: 0, order: 0 },
      `round ${round}: ${describe(fared)}`,
    )
  }
  const { acknowledged, refused, breaks, resumed, stall } = fared
  t.comment(
    `${ROUNDS} rounds: ${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections, ${resumed} resumed, longest stall ${stall.toFixed(0)} ms, homes after ${longest.toFixed(0)} ms at the latest`,
  )
  t.not(breaks, 0, 'somebody noticed')
  await load.close()
})
