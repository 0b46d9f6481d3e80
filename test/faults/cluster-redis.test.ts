/**
 * Redis is away while pairs of users write to each other on three nodes: frozen, killed and empty when it is back, and cut off from one node alone. The
 * nodes serve what they hold for some seconds, then refuse with errors of type `wait` (ARCHITECTURE §9); nothing acknowledged is lost, nothing
 * seen twice or out of order. An outage takes 24 s, and 60 with `TIDINGS_FULL=1`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ClusterProcesses } from '../../scripts/services/cluster.ts'
import { startRedis } from '../../scripts/services/redis.ts'
import { withoutCassandra } from '../support/cassandra.ts'
import { agreed, clusterProcesses } from '../support/cluster-processes.ts'
import { PairedLoad, usersOf } from '../support/paired-load.ts'
import { signedIn } from '../support/signed-in.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { describe } from './loss-count.ts'

/** Long enough for homes to take nothing more, after 5 s, and for what came then to be refused: it waits for a home first. */
const OUTAGE = process.env.TIDINGS_FULL === '1' ? 60_000 : 24_000
/** For so long (ms) after the last beat a node serves; one comes each two seconds. */
const SERVED = 3_000
/** When homes take nothing new any more, ms, and for how long what comes then waits for one. */
const LAPSED = 6_000
const HOME_WAIT = 12_000
const PAIRS = 6
const NODES = 3
const PASSWORD = 'secret'
/** A pause of senders, ms: generator and servers share the machine. */
const PAUSE = 50
const SOME = 20
/** Until everything goes on, ms: a Redis that has begun anew is watched for the time of a lease first. */
const HEALED = 30_000

const skip = withoutCassandra() ?? false
t.setTimeout(240_000 + 4 * OUTAGE)

t.test('Redis is away under load', { skip }, async t => {
  const proxies: TcpProxy[] = []
  const redis = async () => {
    const started = await startRedis()
    proxies.push(await TcpProxy.start(() => started.servers[0]!.port))
    t.teardown(() => proxies[0]!.close())
    return started
  }
  const users = [...usersOf(PAIRS), 'watcher']
  const cluster = await clusterProcesses(t, {
    nodes: NODES,
    users,
    password: PASSWORD,
    redis,
    node: number => (number === NODES ? { redis: { address: `127.0.0.1:${proxies[0]!.port}` } } : {}),
  })
  const load = await PairedLoad.connect(t, {
    pairs: PAIRS,
    password: PASSWORD,
    pause: PAUSE,
    port: () => cluster.somePort(),
  })
  const [server] = cluster.redis.servers
  await t.test('frozen', t =>
    outage(t, cluster, load, {
      begin: () => server!.signal('SIGSTOP'),
      end: async () => server!.signal('SIGCONT'),
    }),
  )
  await t.test('killed, and empty when it is back', t =>
    outage(t, cluster, load, { begin: () => server!.signal('SIGKILL'), end: () => server!.restart() }),
  )
  await t.test('cut off from one node alone', t => cutOff(t, cluster, load, proxies[0]!))
  await load.close()
})

/** How Redis goes away and comes back. */
interface Fault {
  begin(): void
  end(): Promise<void>
}

async function outage(t: Test, cluster: ClusterProcesses, load: PairedLoad, fault: Fault): Promise<void> {
  const watcher = await signedIn(t, cluster.somePort(), 'watcher', PASSWORD)
  load.write()
  await load.allProgress(SOME)
  const began = performance.now()
  fault.begin()
  await load.allProgress(1, SERVED)
  t.pass('nodes go on for some seconds')
  await sleep(began + LAPSED - performance.now())
  watcher.send(`<message to='reader0@localhost' id='too-early' type='chat'><body>x</body></message>`)
  await sleep(HOME_WAIT - 2_000)
  t.ok(
    cluster.nodes.every(({ running }) => running),
    'no node gives up',
  )
  const [error] = await watcher.expect(/<message [^>]*type="error"[^>]*>.*?<\/message>/)
  t.match(error, /<error type="wait">/, 'then they refuse, and say that it may be tried again')
  t.match(error, /id="too-early"/)
  await sleep(began + OUTAGE - performance.now())
  await fault.end()
  const healed = performance.now()
  await load.allProgress(SOME, HEALED)
  await agreed(cluster.nodes[0]!, NODES)
  await counted(t, load, `all goes on ${(performance.now() - healed).toFixed(0)} ms after Redis`)
  watcher.socket.destroy()
}

async function cutOff(t: Test, cluster: ClusterProcesses, load: PairedLoad, proxy: TcpProxy): Promise<void> {
  const [first, , last] = cluster.nodes
  load.write()
  await load.allProgress(SOME)
  const began = performance.now()
  proxy.stall()
  await agreed(first!, NODES - 1)
  t.ok(last!.running, 'it does not know better')
  const moved = performance.now() - began
  proxy.resume()
  t.equal(await last!.ended(), 1, 'it ends once it learns that it was given up')
  await load.allProgress(SOME)
  await last!.start()
  await agreed(first!, NODES)
  await load.allProgress(SOME)
  await counted(t, load, `the others have its slots ${moved.toFixed(0)} ms after the cut`)
}

async function counted(t: Test, load: PairedLoad, what: string): Promise<void> {
  const fared = await load.rest()
  const { missing, visible, order, acknowledged, refused, breaks, stall } = fared
  t.same({ missing, visible, order }, { missing: 0, visible: 0, order: 0 }, describe(fared))
  t.comment(
    `so far ${describe(fared)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections, longest stall ${stall.toFixed(0)} ms; ${what}`,
  )
}
