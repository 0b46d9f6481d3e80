/**
 * What every cluster must do, whatever carries it (ARCHITECTURE §10): homes that are one and the same for all, frames in order, slots that move
 * with what is known of them, nodes that come, drain and die. Called once per implementation.
 */
import type { Test } from 'tap'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'
import type { Answer, Cluster, Frame, HomeEvents } from '../../src/cluster/types.ts'

/** A cluster that nodes can join. */
export interface ContractNetwork {
  /** Starts a node that serves `core`; resolves before it has to have slots. */
  join(core: ContractCore): Promise<Cluster>
  /** The node leaves in order. */
  leave(cluster: Cluster): Promise<void>
  /** The node says nothing any more. */
  kill(cluster: Cluster): Promise<void>
  /** Lets time pass until it is so. Fails when it takes longer than it may: 12 s of the cluster's time. */
  until(what: string, is: () => boolean): Promise<void>
  /** Whether slots are spread anew by themselves when a node comes; else by this. */
  spread(): Promise<void>
}

/** Which node is home to which slot, as the homes have been told: never two at a time. */
export class Truth {
  readonly homes = new Map<number, ContractCore>()
  readonly dead = new Set<ContractCore>()
  /** All that were ever started. */
  readonly cores: ContractCore[] = []
  readonly faults: string[] = []
}

/** What of the core a cluster deals with: takes homes, counts what comes for their owners, and says so when it is not the home. */
export class ContractCore implements HomeEvents {
  readonly truth: Truth
  cluster: Cluster | undefined
  /** Numbers that came for an owner, in their order. */
  readonly counted = new Map<string, number[]>()
  readonly losses: string[] = []
  /** Slots that came without what was known of them. */
  orphans = 0
  readonly frames: Frame[] = []

  constructor(truth: Truth) {
    this.truth = truth
  }

  take(frame: Frame): Answer | Promise<Answer> {
    this.frames.push(frame)
    if (frame.op === 'never') return new Promise(() => {})
    if (frame.op !== 'count') return { echo: frame.number }
    const owner = String(frame.owner)
    if (this.cluster?.homeOf(owner) !== this.cluster?.node) return { elsewhere: true }
    if (this.truth.homes.get(slotOf(owner)) !== this) this.truth.faults.push(`${owner} is not here`)
    const numbers = this.counted.get(owner) ?? []
    this.counted.set(owner, numbers)
    numbers.push(frame.number as number)
    return { counted: true }
  }

  async leaving(slots: ReadonlySet<number>): Promise<Buffer> {
    const owners = [...this.counted].filter(([owner]) => slots.has(slotOf(owner)))
    for (const [owner] of owners) {
      if (this.cluster?.homeOf(owner) !== undefined) this.truth.faults.push(`${owner} leaves and has a home`)
    }
    await new Promise(setImmediate)
    for (const [owner] of owners) this.counted.delete(owner)
    for (const slot of slots) if (this.truth.homes.get(slot) === this) this.truth.homes.delete(slot)
    return Buffer.from(JSON.stringify(owners))
  }

  async arriving(slots: ReadonlySet<number>, state: Buffer | undefined): Promise<void> {
    if (state === undefined) this.orphans += slots.size
    await new Promise(setImmediate)
    for (const slot of slots) {
      const other = this.truth.homes.get(slot)
      if (other !== undefined && other !== this && !this.truth.dead.has(other))
        this.truth.faults.push(`slot ${slot} has two homes`)
      this.truth.homes.set(slot, this)
    }
    for (const [owner, numbers] of JSON.parse(String(state ?? '[]')) as [string, number[]][])
      this.counted.set(owner, numbers)
  }

  lost(node: string): void {
    this.losses.push(node)
  }
}

/** Whose homes are looked at. */
export const OWNERS = Array.from({ length: 300 }, (_, i) => `user${i}@example.org`)

/** Starts nodes, beside those that the truth knows of; resolves when slots are spread over all, unless it is not to wait for that. */
export async function startNodes(network: ContractNetwork, count: number, truth = new Truth(), wait = true) {
  const join = async () => {
    const core = new ContractCore(truth)
    truth.cores.push(core)
    const cluster = await network.join(core)
    return { cluster, core }
  }
  const nodes: Awaited<ReturnType<typeof join>>[] = []
  for (let i = 0; i < count; i++) nodes.push(await join())
  const { cores } = truth
  if (wait) {
    await network.until('all know all', () =>
      cores.every(({ cluster }) => cluster?.nodes.length === cores.length),
    )
    await network.spread()
    await network.until('slots are spread', () => even(truth, cores.length) && agreed(nodes))
  }
  return { truth, nodes, cores: nodes.map(({ core }) => core), join }
}

/** Calls the contract for one kind of cluster. */
export function clusterContract(t: Test, name: string, open: (t: Test) => Promise<ContractNetwork>): void {
  const setUp = async (t: Test, count: number) => {
    const network = await open(t)
    return { network, ...(await startNodes(network, count)) }
  }

  t.test(`${name}: each owner has one home, the same for all nodes, and each node as many`, async t => {
    const { truth, nodes } = await setUp(t, 3)
    for (const owner of OWNERS) {
      const home = truth.homes.get(slotOf(owner))?.cluster?.node
      for (const { cluster } of nodes) t.equal(cluster.homeOf(owner), home)
      t.equal(await nodes[0]!.cluster.homeFound(owner), home)
    }
    t.strictSame(truth.faults, [])
  })

  t.test(`${name}: frames and answers arrive in order, each once`, async t => {
    const { nodes } = await setUp(t, 2)
    const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    two.core.frames.length = 0
    const answers: Promise<Answer>[] = []
    for (let number = 0; number < 600; number++) {
      if (number % 3 === 0) one.cluster.notify(two.cluster.node, { op: 'told', number })
      else
        answers.push(one.cluster.request(two.cluster.node, { op: 'asked', number, bytes: Buffer.alloc(99) }))
    }
    const given = await Promise.all(answers)
    t.strictSame(
      given.map(({ echo }) => echo),
      Array.from({ length: 600 }, (_, i) => i).filter(i => i % 3 > 0),
    )
    t.strictSame(
      two.core.frames.map(({ number }) => number),
      Array.from({ length: 600 }, (_, i) => i),
    )
    await t.rejects(one.cluster.request('nobody00', { op: 'asked' }), { code: 'gone' })
  })

  t.test(`${name}: a node that comes takes its share with what is known of it, frames under way`, async t => {
    const { network, truth, nodes, join } = await setUp(t, 2)
    const senders = OWNERS.slice(0, 40).map(owner => count(nodes[0]!.cluster, owner, 30))
    const third = await join()
    nodes.push(third)
    await network.until('the third is known', () => nodes.every(({ cluster }) => cluster.nodes.length === 3))
    await network.spread()
    await network.until('slots are spread', () => even(truth, 3) && agreed(nodes))
    await during(network, Promise.all(senders))
    for (const owner of OWNERS.slice(0, 40)) {
      const home = truth.homes.get(slotOf(owner))
      t.strictSame(
        home?.counted.get(owner),
        Array.from({ length: 30 }, (_, i) => i),
        owner,
      )
    }
    t.equal(
      nodes.reduce((sum, { core }) => sum + core.losses.length, 0),
      0,
    )
    t.strictSame(truth.faults, [])
  })

  t.test(`${name}: a node that drains gives all away and is not lost until it leaves`, async t => {
    const { network, truth, nodes } = await setUp(t, 3)
    const [one, two, three] = nodes.map(({ core }) => core) as [ContractCore, ContractCore, ContractCore]
    await during(network, Promise.all(OWNERS.map(owner => count(one.cluster!, owner, 1))))
    const orphans = one.orphans + two.orphans
    await during(network, three.cluster!.drain())
    t.notOk([...truth.homes.values()].includes(three))
    await network.until('all agree', () => truth.homes.size === SLOTS && agreed(nodes))
    t.equal(one.orphans + two.orphans, orphans, 'nothing came without what was known of it')
    for (const owner of OWNERS) t.strictSame(truth.homes.get(slotOf(owner))?.counted.get(owner), [0])
    t.strictSame(one.losses, [])
    t.strictSame(await one.cluster!.request(three.cluster!.node, { op: 'asked', number: 5 }), { echo: 5 })
    await during(network, network.leave(three.cluster!))
    await network.until('it is gone', () => one.losses.length === 1 && two.losses.length === 1)
    t.strictSame(one.cluster!.nodes.length, 2)
    t.strictSame(truth.faults, [])
  })

  t.test(
    `${name}: the slots of a node that dies have another home soon, and requests to it fail`,
    async t => {
      const { network, truth, nodes } = await setUp(t, 3)
      const [one, two, three] = nodes.map(({ core }) => core) as [ContractCore, ContractCore, ContractCore]
      const dead = three.cluster!
      const owner = OWNERS.find(one => truth.homes.get(slotOf(one)) === three)!
      const open = one.cluster!.request(dead.node, { op: 'never' })
      const failed = t.rejects(open, { code: 'gone' })
      truth.dead.add(three)
      await network.kill(dead)
      await network.until('others have its slots', () => ![...truth.homes.values()].includes(three))
      await network.until('all agree', () => agreed(nodes.slice(0, 2)) && even(truth, 2))
      await failed
      t.strictSame([one.losses, two.losses], [[dead.node], [dead.node]])
      t.ok(one.orphans + two.orphans > 0)
      t.strictSame(one.cluster!.nodes.length, 2)
      await t.rejects(one.cluster!.request(dead.node, { op: 'asked' }), { code: 'gone' })
      await during(network, count(one.cluster!, owner, 3))
      t.strictSame(truth.homes.get(slotOf(owner))?.counted.get(owner), [0, 1, 2])
      t.strictSame(truth.faults, [])
    },
  )
}

/** Sends numbers to the home of an owner, one after the other, wherever that is. */
async function count(from: Cluster, owner: string, count: number): Promise<void> {
  for (let number = 0; number < count; ) {
    const home = await from.homeFound(owner)
    const answer =
      home === from.node
        ? await localCount(from, owner, number)
        : await from.request(home, { op: 'count', owner, number })
    if (answer.counted === true) number++
    else await new Promise(setImmediate)
  }
}

const cores = new WeakMap<Cluster, ContractCore>()

/** Has `cluster` know its core: what is sent to the own node does not go over a link. */
export function served(cluster: Cluster, core: ContractCore): Cluster {
  cores.set(cluster, core)
  core.cluster = cluster
  cluster.serve(frame => core.take(frame), core)
  return cluster
}

async function localCount(from: Cluster, owner: string, number: number): Promise<Answer> {
  await new Promise(setImmediate)
  return cores.get(from)!.take({ op: 'count', owner, number })
}

async function during<T>(network: ContractNetwork, task: Promise<T>): Promise<T> {
  let over = false
  const done = task.finally(() => {
    over = true
  })
  done.catch(() => {})
  await network.until('it is done', () => over)
  return done
}

function even(truth: Truth, nodes: number): boolean {
  if (truth.homes.size < SLOTS) return false
  const counts = Map.groupBy([...truth.homes.values()], core => core)
  const all = [...counts.values()].map(({ length }) => length)
  return counts.size === nodes && Math.max(...all) - Math.min(...all) <= SLOTS / 50
}

function agreed(nodes: readonly { readonly cluster: Cluster; readonly core: ContractCore }[]): boolean {
  return OWNERS.every(owner => {
    const home = nodes[0]?.core.truth.homes.get(slotOf(owner))?.cluster?.node
    return nodes.every(({ cluster }) => cluster.homeOf(owner) === home)
  })
}
