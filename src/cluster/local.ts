import { LocalNode, type Network } from './local-node.ts'
import { SLOTS } from './slots.ts'
import { type Cluster, ClusterError } from './types.ts'

/** How long `homeFound` waits, in ms. */
const PATIENCE_MS = 10_000

/** What a network of nodes in one process is like. */
export interface LocalNetworkOptions {
  /** How long `homeFound` waits, in ms. */
  readonly patience?: number
}

/** Somebody who waits for a slot to have a home. */
type Waiting = (home: string) => void

/**
 * Several nodes in one process, joined in memory. Owners are spread over the nodes by their slots, frames take a turn of the event loop
 * and keep their order: what is true on a real network of homes and not of function calls shows up here. Slots move when a test says so.
 */
export class LocalNetwork implements Network {
  readonly patience: number
  readonly #nodes = new Map<string, LocalNode>()
  /** The home of each slot. */
  readonly #homes: (string | undefined)[] = new Array(SLOTS).fill(undefined)
  readonly #waiting = new Map<number, Waiting[]>()
  readonly #moves = new Set<Promise<unknown>>()

  constructor({ patience = PATIENCE_MS }: LocalNetworkOptions = {}) {
    this.patience = patience
  }

  /** Adds a node. It takes its share of the slots from the others: at once while none of them serves, else by moves. */
  join(node: string): Cluster {
    const joined = new LocalNode(node, this)
    const serving = [...this.#nodes.values()].some(one => one.serves)
    this.#nodes.set(node, joined)
    if (!serving) for (const slot of this.#homes.keys()) this.#settle([slot], this.#shareOf(slot))
    return joined
  }

  /** Names of the nodes that are alive. */
  get nodes(): readonly string[] {
    return [...this.#nodes.keys()]
  }

  /** The node with this name, while it is alive. */
  find(node: string): LocalNode | undefined {
    return this.#nodes.get(node)
  }

  /** The home of a slot. */
  homeOf(slot: number): string | undefined {
    return this.#homes[slot]
  }

  /** Waits for a slot to have a home. */
  homeFound(slot: number): Promise<string> {
    const home = this.#homes[slot]
    if (home !== undefined) return Promise.resolve(home)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const late = setTimeout(() => {
      const others = this.#waiting.get(slot)?.filter(one => one !== found) ?? []
      this.#waiting.set(slot, others)
      reject(new ClusterError('no-home', `slot ${slot} has no home`))
    }, this.patience)
    const found = (home: string): void => {
      clearTimeout(late)
      resolve(home)
    }
    this.#waiting.set(slot, [...(this.#waiting.get(slot) ?? []), found])
    return promise
  }

  /** Moves slots to a node. Those that are on their way already are left out. */
  move(slots: Iterable<number>, to: string): Promise<void> {
    const bySource = Map.groupBy(slots, slot => this.#homes[slot])
    const moves = [...bySource].map(([from, some]) =>
      from === undefined || from === to ? undefined : this.#hand(some, from, to),
    )
    return this.#track(Promise.all(moves))
  }

  /** Gives each node an even share, as after one has joined. */
  rebalance(): Promise<void> {
    const wanted = Map.groupBy(this.#homes.keys(), slot => this.#shareOf(slot))
    return this.#track(Promise.all([...wanted].map(([node, slots]) => this.move(slots, node))))
  }

  /** Moves all slots of a node to the others; resolves when none is left there. */
  async drain(node: string): Promise<void> {
    const others = this.nodes.filter(one => one !== node)
    const ofNode = [...this.#homes.keys()].filter(slot => this.#homes[slot] === node)
    if (others.length === 0 || ofNode.length === 0) return
    const shares = Map.groupBy(ofNode, slot => others[slot % others.length] as string)
    await this.#track(Promise.all([...shares].map(([to, slots]) => this.move(slots, to))))
  }

  /** A node leaves in order: its slots first. */
  async leave(node: string): Promise<void> {
    await this.drain(node)
    this.#nodes.delete(node)
    this.#tell(node)
  }

  /** A node dies: its frames stop, requests to it are rejected, its slots get other homes. */
  kill(node: string): Promise<void> {
    const dead = this.#nodes.get(node)
    this.#nodes.delete(node)
    dead?.die()
    for (const one of this.#nodes.values()) one.gone(node)
    this.#tell(node)
    const slots = [...this.#homes.keys()].filter(slot => this.#homes[slot] === node)
    for (const slot of slots) this.#homes[slot] = undefined
    return this.#track(this.#arrive(slots, undefined))
  }

  /** Resolves when nothing moves. */
  async settled(): Promise<void> {
    while (this.#moves.size > 0) await Promise.allSettled(this.#moves)
  }

  get moving(): boolean {
    return this.#moves.size > 0
  }

  async #hand(slots: readonly number[], from: string, to: string): Promise<void> {
    for (const slot of slots) this.#homes[slot] = undefined
    const state = await this.#nodes.get(from)?.leaving(new Set(slots))
    const target = this.#nodes.get(to)
    // One that has died meanwhile can neither say what it knew nor take anything.
    if (target === undefined) await this.#arrive(slots, state)
    else await this.#give(slots, target, state)
  }

  async #arrive(slots: readonly number[], state: Buffer | undefined): Promise<void> {
    const shares = Map.groupBy(slots, slot => this.#shareOf(slot))
    await Promise.all(
      [...shares].map(([node, some]) => this.#give(some, this.#nodes.get(node) as LocalNode, state)),
    )
  }

  async #give(slots: readonly number[], target: LocalNode, state: Buffer | undefined): Promise<void> {
    if (await target.arriving(new Set(slots), state)) this.#settle(slots, target.node)
    else await this.#arrive(slots, state)
  }

  #settle(slots: readonly number[], home: string): void {
    for (const slot of slots) {
      this.#homes[slot] = home
      const waiting = this.#waiting.get(slot) ?? []
      this.#waiting.delete(slot)
      for (const found of waiting) found(home)
    }
  }

  #shareOf(slot: number): string {
    const { nodes } = this
    return nodes[slot % nodes.length] as string
  }

  #tell(lost: string): void {
    for (const one of this.#nodes.values()) one.lost(lost)
  }

  async #track(work: Promise<unknown>): Promise<void> {
    this.#moves.add(work)
    try {
      await work
    } finally {
      this.#moves.delete(work)
    }
  }
}
