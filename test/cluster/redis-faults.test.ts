import t from 'tap'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'
import type { Fence } from '../../src/storage/types.ts'
import { type NodeClock, RedisNodes } from '../support/redis-nodes.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { type ContractCore, OWNERS, startNodes } from './contract.ts'

/** ms: two thirds of a lease after the last beat, of which there is one in two seconds. */
const SERVES_AT_LEAST = 3250
const SERVES_AT_MOST = 5500

async function setUp(t: import('tap').Test, count: number) {
  const service = await startRedis()
  t.teardown(() => service.stop())
  const network = new RedisNodes(t, { address: service.servers[0]!.address })
  const { truth, cores } = await startNodes(network, count)
  const serving = (): readonly string[] =>
    OWNERS.filter(owner => truth.homes.get(slotOf(owner))?.cluster?.homeOf(owner) !== undefined)
  return { service, network, truth, cores, serving, orphans: () => cores.map(core => core.orphans) }
}

async function stop(service: RedisService): Promise<void> {
  const [server] = service.servers
  const ended = server!.ended()
  server!.signal('SIGKILL')
  await ended
}

t.test(
  'without Redis nodes serve what they have for a while, then nothing; after it they go on where they were',
  async t => {
    const { service, network, truth, cores, serving, orphans } = await setUp(t, 3)
    const before = { homes: new Map(truth.homes), orphans: orphans() }
    await stop(service)
    await network.pass(SERVES_AT_LEAST)
    t.equal(serving().length, OWNERS.length)
    await network.pass(SERVES_AT_MOST - SERVES_AT_LEAST)
    t.equal(serving().length, 0)
    const [one] = cores as [ContractCore]
    const own = OWNERS.find(owner => before.homes.get(slotOf(owner)) === one)!
    const found = one.cluster!.homeFound(own)
    const failed = t.rejects(found, { code: 'no-home' })
    t.strictSame(
      await one.cluster!.request(cores[1]!.cluster!.node, { op: 'asked', number: 1 }),
      { echo: 1 },
      'links go on',
    )
    await network.pass(60_000)
    await failed
    // It comes back without anything it knew.
    await service.servers[0]!.restart()
    await network.reconnected()
    await network.until('all is served', () => serving().length === OWNERS.length)
    t.strictSame(truth.homes, before.homes)
    t.strictSame(orphans(), before.orphans, 'what homes knew is still there')
    t.strictSame(truth.faults, [])
    t.ok(
      network.nodes.every(
        ({ expelled, events }) => expelled.length === 0 && events.some(({ kind }) => kind === 'redis-back'),
      ),
    )
  },
)

t.test(
  'a Redis that is frozen for a minute is as one that is not there, and nothing has to be taken anew',
  async t => {
    const { service, network, truth, serving, orphans } = await setUp(t, 2)
    const before = { homes: new Map(truth.homes), orphans: orphans() }
    service.servers[0]!.signal('SIGSTOP')
    await network.pass(2000, 2000)
    await network.pass(58_000, 29_000)
    t.equal(serving().length, 0)
    service.servers[0]!.signal('SIGCONT')
    await network.reconnected()
    await network.until('all is served', () => serving().length === OWNERS.length)
    t.strictSame(truth.homes, before.homes)
    t.strictSame(orphans(), before.orphans)
    t.strictSame(truth.faults, [])
  },
)

t.test(
  'a Redis that has lost its memory and is back at once is told what there is, and nothing stops',
  async t => {
    const { service, network, truth, serving, cores } = await setUp(t, 2)
    const before = new Map(truth.homes)
    await stop(service)
    await service.servers[0]!.restart()
    await network.reconnected()
    for (let second = 0; second < 30; second++) {
      await network.pass(1000)
      t.equal(serving().length, OWNERS.length)
    }
    t.strictSame(truth.homes, before)
    t.strictSame(
      cores.flatMap(({ losses }) => losses),
      [],
    )
    t.strictSame(truth.faults, [])
  },
)

t.test('a table of yesterday gives nobody what another has', async t => {
  const { service, network, truth, cores, serving } = await setUp(t, 2)
  const [server] = service.servers
  const keys = server!.run(['keys', '*']).trim().split('\n')
  const save = keys.filter(key => key.endsWith(':slots'))
  const old = server!.run(['get', save[0]!]).trim()
  const { cores: more } = await startNodes(network, 1, truth)
  await network.until('the third has its share', () =>
    cores.concat(more).every(core => [...truth.homes.values()].includes(core)),
  )
  await network.pass(3000)
  const before = new Map(truth.homes)
  await stop(service)
  await server!.restart()
  server!.run(['set', save[0]!, old])
  await network.reconnected()
  await network.pass(40_000)
  t.equal(serving().length, OWNERS.length)
  t.strictSame(truth.homes, before)
  t.strictSame(truth.faults, [])
})

t.test('a node that is frozen serves nothing when it goes on, and is told that it was given up', async t => {
  const { network, truth, cores } = await setUp(t, 3)
  const frozen = cores[2]!
  const node = network.find(frozen.cluster!)
  const owned = OWNERS.filter(owner => truth.homes.get(slotOf(owner)) === frozen)
  node.clock.freeze()
  truth.dead.add(frozen)
  await network.pass(10_000)
  t.ok(
    owned.every(owner => [cores[0], cores[1]].includes(truth.homes.get(slotOf(owner)))),
    'others have its slots within 10 s',
  )
  t.ok(
    owned.every(owner => frozen.cluster!.homeOf(owner) !== frozen.cluster!.node),
    'asked before anything else happens',
  )
  node.clock.thaw()
  await network.pass(1000)
  t.strictSame(node.expelled, ['buried'])
  t.ok(owned.every(owner => frozen.cluster!.homeOf(owner) !== frozen.cluster!.node))
  await t.rejects(frozen.cluster!.homeFound(owned[0]!), { code: 'no-home' })
  t.strictSame(truth.faults, [])
})

t.test('a node that is frozen for a moment is not missed', async t => {
  const { network, truth, cores, serving } = await setUp(t, 2)
  const before = new Map(truth.homes)
  const node = network.find(cores[1]!.cluster!)
  node.clock.freeze()
  await network.pass(5750)
  t.ok(serving().length < OWNERS.length, 'it has stopped to serve')
  node.clock.thaw()
  await network.pass(20_000)
  t.equal(serving().length, OWNERS.length)
  t.strictSame(truth.homes, before)
  t.strictSame(node.expelled, [])
  t.strictSame(truth.faults, [])
})

t.test(
  'a node that is cut off from Redis but not from the others stops before they take its slots',
  async t => {
    const service = await startRedis()
    t.teardown(() => service.stop())
    const proxy = await TcpProxy.start(() => service.servers[0]!.port)
    const network = new RedisNodes(t, { address: service.servers[0]!.address })
    const { truth, cores } = await startNodes(network, 2)
    network.redis = { address: `127.0.0.1:${proxy.port}` }
    const { cores: more } = await startNodes(network, 1, truth)
    const cut = more[0]!
    await network.until('it has its share', () => [...truth.homes.values()].includes(cut))
    await network.pass(5000)
    const owned = OWNERS.filter(owner => truth.homes.get(slotOf(owner)) === cut)
    const serves = (): boolean => owned.some(owner => cut.cluster!.homeOf(owner) === cut.cluster!.node)
    await proxy.close()
    await network.pass(SERVES_AT_MOST)
    t.notOk(serves())
    t.ok(
      owned.every(owner => truth.homes.get(slotOf(owner)) === cut),
      'nobody has taken them yet',
    )
    t.strictSame(await cores[0]!.cluster!.request(cut.cluster!.node, { op: 'asked', number: 1 }), { echo: 1 })
    truth.dead.add(cut)
    await network.pass(10_000 - SERVES_AT_MOST)
    t.notOk([...truth.homes.values()].includes(cut), 'within 10 s')
    t.strictSame(cores[0]!.losses, [cut.cluster!.node])
    t.strictSame(truth.faults, [])
  },
)

t.test('a node that was given up stays so, though Redis has forgotten it', async t => {
  const service = await startRedis()
  t.teardown(() => service.stop())
  let port = service.servers[0]!.port
  const proxy = await TcpProxy.start(() => port)
  t.teardown(() => proxy.close())
  const network = new RedisNodes(t, { address: service.servers[0]!.address })
  const { truth, cores } = await startNodes(network, 1)
  network.redis = { address: `127.0.0.1:${proxy.port}` }
  const { cores: more } = await startNodes(network, 1, truth)
  const cut = more[0]!
  const [other] = cores as [ContractCore]
  port = 1
  proxy.vanish()
  truth.dead.add(cut)
  await network.until('the other has its slots', () => ![...truth.homes.values()].includes(cut))
  await stop(service)
  await service.servers[0]!.restart()
  port = service.servers[0]!.port
  await network.reconnected()
  const serves = (): boolean => OWNERS.some(owner => cut.cluster!.homeOf(owner) === cut.cluster!.node)
  for (let second = 0; second < 30; second++) {
    t.notOk(serves())
    await network.pass(1000)
  }
  t.strictSame(network.find(cut.cluster!).expelled, ['buried'])
  t.ok(OWNERS.every(owner => other.cluster!.homeOf(owner) === other.cluster!.node))
  t.strictSame(truth.faults, [])
})

t.test('of two nodes that cannot reach each other one goes', async t => {
  const { network, truth, cores } = await setUp(t, 2)
  const [low, high] = cores.toSorted((a, b) => (a.cluster!.node < b.cluster!.node ? -1 : 1)) as [
    ContractCore,
    ContractCore,
  ]
  network.find(low.cluster!).cluster.linkBroken(high.cluster!.node)
  truth.dead.add(high)
  await network.until('one is left', () => truth.homes.size > 0 && ![...truth.homes.values()].includes(high))
  t.strictSame(network.find(high.cluster!).expelled, ['unreachable'])
  t.strictSame(network.find(low.cluster!).expelled, [])
  t.strictSame(low.losses, [high.cluster!.node])
  t.strictSame(truth.faults, [])
})

/** A storage that knows who may write for which slot until when, by the time of all. */
class Fences {
  readonly faults: string[] = []
  readonly #network: RedisNodes
  readonly #holders = new Map<number, { readonly fence: Fence; until: number }>()

  constructor(network: RedisNodes) {
    this.#network = network
  }

  /** How many slots may be written to now. */
  get open(): number {
    return [...this.#holders.values()].filter(({ until }) => until > this.#now).length
  }

  of(clock: NodeClock): Fence {
    const fence: Fence = {
      take: async slots => {
        await new Promise(setImmediate)
        for (const slot of slots) {
          const holder = this.#holders.get(slot)
          if (holder !== undefined && holder.fence !== fence && holder.until > this.#now)
            this.faults.push(`slot ${slot} is taken while another node may write`)
          this.#holders.set(slot, { fence, until: 0 })
        }
      },
      extend: (slots, until) => {
        if (until > clock.monotonic() + 8000) this.faults.push('more than a lease')
        for (const slot of slots) {
          const holder = this.#holders.get(slot)
          if (holder?.fence === fence) holder.until = until - clock.monotonic() + this.#now
        }
      },
    }
    return fence
  }

  get #now(): number {
    return this.#network.clock.monotonic()
  }
}

t.test('storage lets nobody write for a slot while another one may, whatever happens', async t => {
  const service = await startRedis()
  t.teardown(() => service.stop())
  const network = new RedisNodes(t, { address: service.servers[0]!.address })
  const fences = new Fences(network)
  network.fenceOf = clock => fences.of(clock)
  const { truth, cores } = await startNodes(network, 3)
  await network.pass(20_000)
  t.equal(fences.open, SLOTS, 'homes may write as long as they are homes')
  await cores[0]!.cluster!.drain()
  await network.until('two have all', () => new Set(truth.homes.values()).size === 2)
  await network.pass(2000)
  t.equal(fences.open, SLOTS)
  network.find(cores[1]!.cluster!).clock.freeze()
  truth.dead.add(cores[1]!)
  await network.pass(7000)
  t.ok(fences.open < SLOTS || truth.homes.size === SLOTS)
  await network.until('the last has all', () => new Set(truth.homes.values()).size === 1)
  await stop(service)
  await network.pass(20_000)
  t.equal(fences.open, 0)
  await service.servers[0]!.restart()
  await network.reconnected()
  await network.until('it writes again', () => fences.open === SLOTS)
  t.strictSame(fences.faults, [])
  t.strictSame(truth.faults, [])
})

t.test('nodes that start together end with one home for each slot', async t => {
  const { network, truth } = await setUp(t, 1)
  await Promise.all([1, 2, 3, 4].map(() => startNodes(network, 1, truth, false)))
  await network.pass(40_000)
  t.equal(new Set(truth.homes.values()).size, 5)
  t.strictSame(truth.faults, [])
})

t.test(
  'Redis is asked next to nothing: a node looks once in two seconds, whatever goes over the links',
  async t => {
    const { service, network, cores } = await setUp(t, 2)
    const commands = (): number =>
      Number(/total_commands_processed:(\d+)/.exec(service.servers[0]!.run(['info', 'stats']))![1])
    await network.pass(10_000)
    const before = commands()
    for (let n = 0; n < 1000; n++)
      await cores[0]!.cluster!.request(cores[1]!.cluster!.node, { op: 'asked', number: n })
    await network.pass(10_000)
    // Commands within a script are counted, too.
    const each = (commands() - before) / 1000
    t.ok(each <= 0.2, `${each} commands a message at 100 messages a second`)
  },
)
