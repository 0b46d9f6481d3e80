import { randomInt } from 'node:crypto'
import { Links } from '../links/links.ts'
import {
  type Answer,
  type Cluster,
  ClusterError,
  type Frame,
  type FrameHandler,
  type HomeEvents,
} from '../types.ts'
import { connectRedis } from './connect.ts'
import { Lease } from './lease.ts'
import { Members } from './members.ts'
import { Neighbours } from './neighbours.ts'
import type { RedisClusterOptions } from './options.ts'
import { OwnSlots } from './own-slots.ts'
import { Placement } from './placement.ts'
import { Presence } from './presence.ts'
import { Registry, type Sight } from './registry.ts'
import { NAME_LENGTH } from './slot-table.ts'
import { HAND_OVER, Transfers } from './transfers.ts'
import { Waiting } from './waiting.ts'

/** Seconds that links have more than leases: who is dead is found dead in Redis first. */
const MORE_PATIENCE = 2
/** A node of a cluster that meets in Redis: which nodes there are, and whose the slots are. Frames go between the nodes themselves. */
export class RedisCluster implements Cluster {
  readonly node: string
  readonly alone = false
  readonly #options: RedisClusterOptions
  readonly #registry: Registry
  readonly #links: Links
  readonly #lease: Lease
  readonly #members: Members
  readonly #neighbours: Neighbours
  readonly #slots: OwnSlots
  readonly #presence: Presence
  readonly #waiting: Waiting
  readonly #leaseMs: number
  #transfers: Transfers | undefined
  #placement: Placement | undefined
  #homes: HomeEvents | undefined
  #run = ''
  #draining = false
  #troubled = false
  #over = false

  private constructor(node: string, options: RedisClusterOptions, registry: Registry, links: Links) {
    const { clock, lease = 8000, heartbeat = 2000, homeWait = 12_000 } = options
    this.node = node
    this.#options = options
    this.#registry = registry
    this.#links = links
    this.#leaseMs = lease
    this.#lease = new Lease(clock, lease)
    this.#members = new Members(node, lease)
    this.#slots = new OwnSlots(node, this.#lease, this.#members)
    this.#waiting = new Waiting(owner => this.homeOf(owner), clock, homeWait)
    this.#neighbours = new Neighbours({
      node,
      members: this.#members,
      links,
      registry,
      lease: this.#lease,
      clock,
      leaseMs: lease,
      heartbeat,
      report: options.report,
      lost: other => this.#homes?.lost(other),
      buried: () => this.#presence.look(),
      troubled: trouble => this.#redisTroubled(trouble),
    })
    this.#presence = new Presence({
      registry,
      lease: this.#lease,
      clock,
      heartbeat,
      record: () => ({
        address: links.address,
        draining: this.#draining,
        unreachable: [...this.#neighbours.unreachable],
      }),
      settles: () => (this.#placement?.settled ? this.#run : ''),
      saw: (sight, lapsed) => this.#saw(sight, lapsed),
      troubled: trouble => this.#redisTroubled(trouble),
    })
  }

  /** Opens the links of a node. It becomes one of the cluster when somebody serves (`Cluster.serve`). Redis need not be there yet. */
  static async open(options: RedisClusterOptions): Promise<RedisCluster> {
    const node = madeUpName()
    let cluster: RedisCluster | undefined
    const links = await Links.open({
      ...options.links,
      node,
      clock: options.linkClock ?? options.clock,
      report: options.report,
      broken: other => cluster!.linkBroken(other),
      patience: (options.lease ?? 8000) / 1000 + MORE_PATIENCE,
    })
    // Each failure to connect is seen as a beat that fails.
    const open = () => connectRedis(options.redis, () => {})
    cluster = new RedisCluster(node, options, new Registry(open(), open(), node, options.prefix), links)
    return cluster
  }

  get nodes(): readonly string[] {
    const { names } = this.#members
    return names.includes(this.node) ? names : [...names, this.node].sort()
  }

  homeOf(owner: string): string | undefined {
    return this.#slots.homeOf(owner)
  }

  homeOfSlot(slot: number): string | undefined {
    return this.#slots.homeOfSlot(slot)
  }

  homeFound(owner: string): Promise<string> {
    return this.#waiting.for(owner)
  }

  request(node: string, frame: Frame): Promise<Answer> {
    if (!this.#isThere(node)) return Promise.reject(new ClusterError('gone', `node ${node} is not there`))
    return this.#links.request(node, frame)
  }

  notify(node: string, frame: Frame): void {
    if (this.#isThere(node)) this.#links.notify(node, frame)
  }

  get frames(): number {
    return this.#links.frames
  }

  /** A node that has just come may call before it was seen in Redis. */
  #isThere(node: string): boolean {
    return this.#members.has(node) || this.#links.knows(node)
  }

  serve(handler: FrameHandler, homes: HomeEvents): void {
    const { clock, fence, report } = this.#options
    const transfers = new Transfers({
      slots: this.#slots,
      lease: this.#lease,
      registry: this.#registry,
      links: this.#links,
      homes,
      fence,
      clock,
      report: trouble => report({ kind: 'move-failed', trouble }),
      look: () => this.#presence.look(),
    })
    this.#homes = homes
    this.#transfers = transfers
    this.#placement = new Placement({
      slots: this.#slots,
      members: this.#members,
      transfers,
      clock,
      lease: this.#leaseMs,
      unreachable: this.#neighbours.unreachable,
    })
    this.#links.serve((frame, from) =>
      frame.op === HAND_OVER ? transfers.takeOver(frame, from) : handler(frame, from),
    )
    this.#registry.listen(hint => {
      if (hint.kind === 'beat') this.#members.heard(hint.node, hint.beat, clock.monotonic())
      else this.#presence.look()
    })
    this.#registry.onReady(() => this.#presence.beat())
    this.#presence.start()
    this.#neighbours.watch()
  }

  async drain(): Promise<void> {
    this.#draining = true
    this.#presence.beat()
    await this.#presence.settled()
    while (this.#slots.size > 0 && !this.#over) {
      await this.#transfers?.settled()
      // Without another node nobody takes them.
      if (this.#members.takers.length === 0) this.#transfers?.release(this.#slots.those('home'))
      else await new Promise<void>(resolve => this.#waiting.onChange(resolve))
    }
  }

  async settled(): Promise<void> {
    do {
      await this.#presence.settled()
      await this.#transfers?.settled()
      await this.#links.settled()
    } while (this.#presence.busy || this.#transfers?.busy)
  }

  /** Whether there is a connection to Redis at this moment. */
  get connected(): boolean {
    return this.#registry.connected
  }

  /** Resolves when nothing waits for an answer of Redis. */
  async seen(): Promise<void> {
    await this.#presence.settled()
  }

  async close(): Promise<void> {
    if (this.#transfers !== undefined && !this.#over) await this.#leave(this.#transfers)
    this.#end()
    await this.#links.close()
    this.#registry.close()
  }

  /** Gives back what it has, so that others need not wait for the lease to run out. */
  async #leave(transfers: Transfers): Promise<void> {
    this.#over = true
    this.#presence.stop()
    transfers.close()
    await transfers.settled()
    transfers.release(this.#slots.those('home'))
    await transfers.settled()
    await this.#registry.leave().catch(() => {})
  }

  #end(): void {
    this.#over = true
    this.#presence.stop()
    this.#transfers?.close()
    this.#neighbours.stop()
    this.#waiting.close()
  }

  #saw(sight: Sight, lapsed: boolean): void {
    const placement = this.#placement
    if (this.#over || placement === undefined) return
    const now = this.#options.clock.monotonic()
    if (sight.buried || this.#neighbours.mustGo(now)) {
      this.#expel(sight.buried ? 'buried' : 'unreachable')
      return
    }
    const newRun = sight.run !== this.#run
    this.#run = sight.run
    if (newRun) placement.newRun(sight.run === sight.settledRun)
    if (lapsed) placement.lapsed(newRun)
    if (newRun || lapsed) this.#members.lookAgain(now)
    if (sight.table !== undefined) this.#slots.table = sight.table
    this.#neighbours.meet(sight, now, placement.settled)
    this.#slots.refresh()
    placement.review(this.#lease.serving)
    this.#extend()
    this.#waiting.changed()
  }

  #extend(): void {
    const { fence } = this.#options
    if (fence !== undefined && !this.#slots.dormant)
      fence.extend(this.#slots.those('home', 'leaving'), this.#lease.end)
  }

  /** A link to a node is broken for good, though that may be alive. */
  linkBroken(node: string): void {
    if (this.#over || !this.#members.has(node)) return
    this.#neighbours.unreachable.add(node)
    this.#presence.beat()
  }

  #redisTroubled(trouble: unknown): void {
    if ((trouble !== undefined) === this.#troubled) return
    this.#troubled = trouble !== undefined
    this.#options.report(this.#troubled ? { kind: 'redis-lost', trouble } : { kind: 'redis-back' })
  }

  #expel(why: 'buried' | 'unreachable'): void {
    this.#slots.dormant = true
    this.#end()
    this.#options.expelled(why)
  }
}

/** A name that no other node has or has had: also what tells one start of a program from the next. */
function madeUpName(): string {
  return Array.from({ length: NAME_LENGTH }, () => randomInt(36).toString(36)).join('')
}
