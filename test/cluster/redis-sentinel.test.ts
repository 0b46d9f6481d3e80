import t from 'tap'
import { startRedisSentinel } from '../../scripts/services/redis.ts'
import { slotOf } from '../../src/cluster/slots.ts'
import { RedisNodes } from '../support/redis-nodes.ts'
import { clusterContract, OWNERS, startNodes } from './contract.ts'

const service = await startRedisSentinel({ password: 'of tests' })
t.teardown(() => service.stop())
const place = {
  sentinels: service.sentinels.map(({ address }) => address),
  masterName: service.masterName,
  password: 'of tests',
}

clusterContract(t, 'Sentinels', async t => new RedisNodes(t, place))

t.test(
  'another master: every home stays where it is, whether leases have run out meanwhile or not',
  async t => {
    const network = new RedisNodes(t, place)
    const { truth, cores } = await startNodes(network, 2)
    const before = new Map(truth.homes)
    const orphans = cores.map(core => core.orphans)
    const [master, replica] = service.servers as [(typeof service.servers)[0], (typeof service.servers)[0]]
    master.signal('SIGKILL')
    // Sentinels go by their own clocks.
    while (!isMaster(replica)) await new Promise(setImmediate)
    await network.reconnected()
    await network.pass(1000)
    t.ok(
      OWNERS.every(owner => truth.homes.get(slotOf(owner))?.cluster?.homeOf(owner) !== undefined),
      'served all the time',
    )
    await network.pass(30_000)
    t.strictSame(truth.homes, before)
    t.strictSame(
      cores.map(core => core.orphans),
      orphans,
    )
    t.strictSame(truth.faults, [])
    t.ok(network.nodes.every(({ events }) => events.every(({ kind }) => kind !== 'left')))
  },
)

function isMaster(server: (typeof service.servers)[0]): boolean {
  try {
    return server.run(['role']).startsWith('master')
  } catch {
    // A server that becomes one closes its connections.
    return false
  }
}
