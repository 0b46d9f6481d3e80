/**
 * Nodes of a cluster over a real Redis and a real Cassandra, with real links between them and leases that run by the machine's clock. They
 * stand as long as the test; servers come and go on them, each with hosts of its own, since a node takes seconds to join and to leave.
 */
import type { Test } from 'tap'
import { startRedis } from '../../scripts/services/redis.ts'
import { RedisCluster } from '../../src/cluster/redis/cluster.ts'
import { connectRedis, type RedisConnection, type RedisPlace } from '../../src/cluster/redis/connect.ts'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'
import type { Answer, Cluster, Frame, FrameHandler, HomeEvents } from '../../src/cluster/types.ts'
import { systemClock } from '../../src/core/clock.ts'
import { Connection } from '../../src/storage/cassandra/connection.ts'
import { CassandraEngine } from '../../src/storage/cassandra/engine.ts'
import type { CassandraOptions } from '../../src/storage/cassandra/options.ts'
import { Slots } from '../../src/storage/cassandra/slots.ts'
import { storageOf } from '../../src/storage/front.ts'
import { redisEphemeral } from '../../src/storage/redis.ts'
import type { Ephemeral, Storage, WallClock } from '../../src/storage/types.ts'
import { ALL_SLOTS, cassandraKeyspace } from './cassandra.ts'
import type { Ground, Nodes, Site } from './ground.ts'

const PREFIX = 'standing'
/** A guard for what nodes come to by themselves, ms. */
const DEADLINE = 60_000

/** Starts Redis, Cassandra and the nodes, which end with the test. Gives what lays ground for servers: one at a time stands there. */
export async function standingCluster(t: Test, count: number): Promise<(site: Site) => Promise<Ground>> {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const [server] = redis.servers
  // So that the first node need not wait for others whom Redis might have forgotten.
  const run = /run_id:(\w+)/.exec(server!.run(['info', 'server']))![1]!
  server!.run(['set', `{${PREFIX}}:settled`, run])
  const { options } = await cassandraKeyspace(t)
  const nodes: StandingNode[] = []
  for (let i = 0; i < count; i++)
    nodes.push(await StandingNode.start(t, { address: server!.address }, options))
  await spread(nodes)
  let grounds = 0
  return site => groundOn(nodes, `ground${++grounds}`, site)
}

/** Resolves when every slot has a home, and all nodes agree which. */
async function spread(nodes: readonly StandingNode[]): Promise<void> {
  const started = performance.now()
  const share = Math.floor(SLOTS / nodes.length)
  while (!nodes.every(node => node.homes.size >= share && node.sees(nodes))) {
    if (performance.now() - started > DEADLINE) throw new Error('the slots do not spread')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The connection of a node: what a server closes is still there for the next one. */
class KeptConnection extends Connection {
  override async close(): Promise<void> {}

  end(): Promise<void> {
    return super.close()
  }
}

/** One node, whoever is served there. */
class StandingNode {
  readonly cluster: RedisCluster
  readonly #connection: KeptConnection
  readonly #slots: Slots
  readonly #redis: RedisConnection
  #tenant: Tenant | undefined

  private constructor(
    cluster: RedisCluster,
    connection: KeptConnection,
    slots: Slots,
    redis: RedisConnection,
  ) {
    this.cluster = cluster
    this.#connection = connection
    this.#slots = slots
    this.#redis = redis
  }

  static async start(t: Test, redis: RedisPlace, options: CassandraOptions): Promise<StandingNode> {
    const connection = new KeptConnection(options)
    await connection.open()
    t.teardown(() => connection.end())
    const values = connectRedis(redis, () => {})
    t.teardown(() => values.disconnect())
    const slots = new Slots(connection, slotOf)
    const cluster = await RedisCluster.open({
      redis,
      prefix: PREFIX,
      links: { secret: 'a secret of tests', listen: { host: '127.0.0.1', port: 0 } },
      fence: slots,
      clock: systemClock,
      report: event => 'trouble' in event && t.fail(`a node has trouble: ${event.kind}`, event),
      expelled: why => t.fail(`a node was expelled: ${why}`),
    })
    t.teardown(() => cluster.close())
    const node = new StandingNode(cluster, connection, slots, values)
    cluster.serve((frame, from) => node.#served.handler(frame, from), {
      leaving: async slots => (await node.#tenant?.homes.leaving(slots)) ?? Buffer.alloc(0),
      arriving: async (slots, state) => node.#tenant?.homes.arriving(slots, state),
      lost: other => node.#tenant?.homes.lost(other),
    })
    return node
  }

  get #served(): Tenant {
    if (this.#tenant === undefined) throw new Error('a frame for nobody')
    return this.#tenant
  }

  /** The slots whose home it is. */
  get homes(): ReadonlySet<number> {
    return new Set(ALL_SLOTS.filter(slot => this.cluster.homeOfSlot(slot) === this.cluster.node))
  }

  /** Whether it knows the home of every slot, and there is none but at these. */
  sees(nodes: readonly StandingNode[]): boolean {
    const names = nodes.map(({ cluster }) => cluster.node)
    return ALL_SLOTS.every(slot => names.includes(this.cluster.homeOfSlot(slot) ?? ''))
  }

  /** What a server has of the storage: nothing that an earlier one knew. */
  async storage(prefix: string, clock: WallClock): Promise<Storage> {
    const engine = new CassandraEngine({
      connection: this.#connection,
      slots: this.#slots,
      holder: undefined,
      clock,
    })
    await engine.open()
    const values = redisEphemeral(this.#redis, { prefix: `${PREFIX}:${prefix}`, clock })
    return storageOf(engine, kept(values), clock)
  }

  serve(tenant: Tenant): void {
    this.#tenant = tenant
  }

  /** Whoever was served is not any more. */
  async vacate(): Promise<void> {
    await this.cluster.settled()
    this.#tenant = undefined
  }
}

/** Whoever is served at a node. */
interface Tenant {
  readonly handler: FrameHandler
  readonly homes: HomeEvents
}

/** A node as one server sees it: it has come when that began to serve. */
class Seat implements Cluster {
  readonly alone = false
  readonly #node: StandingNode
  readonly #opened = Promise.withResolvers<void>()
  #open = false
  #homes: HomeEvents | undefined

  constructor(node: StandingNode) {
    this.#node = node
  }

  get node(): string {
    return this.#node.cluster.node
  }

  get nodes(): readonly string[] {
    return this.#node.cluster.nodes
  }

  homeOf(owner: string): string | undefined {
    return this.#open ? this.#node.cluster.homeOf(owner) : undefined
  }

  homeOfSlot(slot: number): string | undefined {
    return this.#open ? this.#node.cluster.homeOfSlot(slot) : undefined
  }

  async homeFound(owner: string): Promise<string> {
    await this.#opened.promise
    return this.#node.cluster.homeFound(owner)
  }

  request(node: string, frame: Frame): Promise<Answer> {
    return this.#node.cluster.request(node, frame)
  }

  notify(node: string, frame: Frame): void {
    this.#node.cluster.notify(node, frame)
  }

  serve(handler: FrameHandler, homes: HomeEvents): void {
    this.#homes = homes
    this.#node.serve({ handler, homes })
  }

  /** The slots of this node come, as from a node that has died. */
  async arrive(): Promise<void> {
    await this.#homes?.arriving(this.#node.homes, undefined)
  }

  /** From now on the slots have homes. */
  begin(): void {
    this.#open = true
    this.#opened.resolve()
  }

  drain(): Promise<void> {
    return this.#node.cluster.drain()
  }

  settled(): Promise<void> {
    return this.#node.cluster.settled()
  }

  async close(): Promise<void> {}
}

/** Ground for the servers of one test. */
async function groundOn(nodes: readonly StandingNode[], prefix: string, { clock }: Site): Promise<Ground> {
  const launch = async (): Promise<Nodes> => {
    const seats = nodes.map(node => new Seat(node))
    const storages = await Promise.all(nodes.map(node => node.storage(prefix, clock)))
    return {
      far: true,
      all: seats.map((cluster, i) => ({ cluster, storage: storages[i]!, leave: async () => {} })),
      async served() {
        await Promise.all(seats.map(seat => seat.arrive()))
        for (const seat of seats) seat.begin()
      },
      stopping() {},
      async close() {
        await Promise.all(storages.map(storage => storage.close()))
        await Promise.all(nodes.map(node => node.vacate()))
      },
    }
  }
  const storage = await nodes[0]!.storage(prefix, clock)
  return { storage, launch, close: () => storage.close() }
}

/** The same values, over a connection that stays open. */
function kept(values: Ephemeral): Ephemeral {
  return {
    lasting: values.lasting,
    take: (...bucket) => values.take(...bucket),
    set: (...value) => values.set(...value),
    get: key => values.get(key),
    close() {},
  }
}
