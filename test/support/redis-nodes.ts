import type { Test } from 'tap'
import type { MonotonicClock } from '../../src/cluster/clock.ts'
import { RedisCluster } from '../../src/cluster/redis/cluster.ts'
import type { RedisPlace } from '../../src/cluster/redis/connect.ts'
import type { ClusterEvent, RedisClusterOptions } from '../../src/cluster/redis/options.ts'
import type { Cluster } from '../../src/cluster/types.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Fence } from '../../src/storage/types.ts'
import { type ContractCore, type ContractNetwork, served } from '../cluster/contract.ts'
import { ManualClock } from './clock.ts'

/** Steps in which time passes, ms. */
const STEP = 250
/** Of the cluster's time. */
const MOST_STEPS = 60_000 / STEP

/** The clock of one node: another time of day than the others have, and it can be frozen as a process can. */
export class NodeClock implements MonotonicClock {
  readonly #base: ManualClock
  readonly #offset: number
  #held: (() => void)[] | undefined

  constructor(base: ManualClock, offset: number) {
    this.#base = base
    this.#offset = offset
  }

  monotonic(): number {
    return this.#base.monotonic() + this.#offset
  }

  after(ms: number, task: () => void): { cancel(): void } {
    let cancelled = false
    const timer = this.#base.after(ms, () => {
      if (this.#held === undefined) task()
      else this.#held.push(() => cancelled || task())
    })
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  /** From now on nothing happens by itself; time goes on. */
  freeze(): void {
    this.#held ??= []
  }

  /** What was due meanwhile happens now. */
  thaw(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const task of held) task()
  }
}

/** A node of a test. */
export interface TestNode {
  readonly cluster: RedisCluster
  readonly clock: NodeClock
  readonly events: ClusterEvent[]
  readonly expelled: string[]
}

/** Nodes that meet in a real Redis and have a clock that a test moves. */
export class RedisNodes implements ContractNetwork {
  readonly nodes: TestNode[] = []
  /** Where nodes that join from now on meet. */
  redis: RedisPlace
  readonly clock = new ManualClock()
  /** What nodes that join from now on say to storage. */
  fenceOf: ((clock: NodeClock) => Fence) | undefined
  readonly #t: Test
  readonly #prefix: string
  readonly #more: Partial<RedisClusterOptions>

  constructor(t: Test, redis: RedisPlace, more: Partial<RedisClusterOptions> = {}) {
    this.#t = t
    this.redis = redis
    this.#prefix = `test-${Math.random().toString(36).slice(2)}`
    this.#more = more
  }

  async join(core: ContractCore): Promise<Cluster> {
    // An hour between the clocks of two nodes.
    const clock = new NodeClock(this.clock, 3_600_000 * this.nodes.length)
    const events: ClusterEvent[] = []
    const expelled: string[] = []
    const cluster = await RedisCluster.open({
      redis: this.redis,
      prefix: this.#prefix,
      links: { secret: 'a secret of tests', listen: { host: '127.0.0.1', port: 0 } },
      linkClock: systemClock,
      fence: this.fenceOf?.(clock),
      clock,
      report: event => events.push(event),
      expelled: why => expelled.push(why),
      ...this.#more,
    })
    this.#t.teardown(() => cluster.close())
    this.nodes.push({ cluster, clock, events, expelled })
    return served(cluster, core)
  }

  find(cluster: Cluster): TestNode {
    return this.nodes.find(one => one.cluster === cluster)!
  }

  async kill(cluster: Cluster): Promise<void> {
    this.find(cluster).clock.freeze()
  }

  async leave(cluster: Cluster): Promise<void> {
    await cluster.close()
  }

  async spread(): Promise<void> {}

  async until(what: string, is: () => boolean): Promise<void> {
    for (let step = 0; !is(); step++) {
      if (step > MOST_STEPS) throw new Error(`not so: ${what}`)
      await this.pass(STEP)
    }
  }

  /** Lets time pass, and what happens in it. */
  async pass(ms: number, step = STEP): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(left, step))
      await this.turn()
    }
  }

  /** Resolves when all nodes have a connection to Redis again. */
  async reconnected(): Promise<void> {
    while (!this.nodes.every(({ cluster }) => cluster.connected)) await new Promise(setImmediate)
  }

  /** Lets what goes over connections arrive: commands that wait for Redis, and some turns for the rest. */
  async turn(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await Promise.all(this.nodes.map(({ cluster }) => cluster.seen()))
      await new Promise(setImmediate)
    }
  }
}
