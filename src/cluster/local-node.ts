import { slotOf } from './slots.ts'
import {
  type Answer,
  type Cluster,
  ClusterError,
  type Frame,
  type FrameHandler,
  type HomeEvents,
} from './types.ts'

/** What a node needs of its network. */
export interface Network {
  readonly nodes: readonly string[]
  find(node: string): LocalNode | undefined
  homeOf(slot: number): string | undefined
  homeFound(slot: number): Promise<string>
  drain(node: string): Promise<void>
  /** Whether slots are on their way, and what resolves when none is. */
  readonly moving: boolean
  settled(): Promise<void>
}

/** One of several nodes in one process; what they share is in their network. */
export class LocalNode implements Cluster {
  readonly node: string
  readonly alone = false
  readonly #network: Network
  readonly #onTheWay = new Set<Promise<unknown>>()
  /** What rejects the requests to a node, by its name. */
  readonly #refusals = new Map<string, Set<(error: ClusterError) => void>>()
  readonly #dead = Promise.withResolvers<undefined>()
  #isDead = false
  #handler: FrameHandler | undefined
  #homes: HomeEvents | undefined

  constructor(node: string, network: Network) {
    this.node = node
    this.#network = network
  }

  get nodes(): readonly string[] {
    return this.#network.nodes
  }

  get serves(): boolean {
    return this.#handler !== undefined
  }

  homeOf(owner: string): string | undefined {
    return this.#network.homeOf(slotOf(owner))
  }

  homeOfSlot(slot: number): string | undefined {
    return this.#network.homeOf(slot)
  }

  homeFound(owner: string): Promise<string> {
    return this.#network.homeFound(slotOf(owner))
  }

  request(node: string, frame: Frame): Promise<Answer> {
    const answer = this.#send(node, frame)
    this.#onTheWay.add(answer)
    const arrived = (): void => void this.#onTheWay.delete(answer)
    answer.then(arrived, arrived)
    return answer
  }

  notify(node: string, frame: Frame): void {
    this.request(node, frame).catch(() => {})
  }

  serve(handler: FrameHandler, homes: HomeEvents): void {
    this.#handler = handler
    this.#homes = homes
  }

  drain(): Promise<void> {
    return this.#network.drain(this.node)
  }

  async settled(): Promise<void> {
    while (this.#onTheWay.size > 0 || this.#network.moving) {
      if (this.#isDead) return
      await Promise.race([Promise.allSettled(this.#onTheWay), this.#dead.promise])
      await this.#network.settled()
    }
  }

  async close(): Promise<void> {
    await this.settled()
    this.#handler = undefined
  }

  /** Slots leave: what the next home needs; undefined when this node dies meanwhile. */
  leaving(slots: ReadonlySet<number>): Promise<Buffer | undefined> {
    return Promise.race([this.#homes?.leaving(slots), this.#dead.promise])
  }

  /** Slots come; false when this node dies meanwhile. */
  async arriving(slots: ReadonlySet<number>, state: Buffer | undefined): Promise<boolean> {
    const arrived = this.#homes?.arriving(slots, state).then(() => true)
    return (await Promise.race([arrived ?? true, this.#dead.promise])) ?? false
  }

  /** It takes and sends nothing any more. */
  die(): void {
    this.#isDead = true
    this.#dead.resolve(undefined)
  }

  /** Another node has died. */
  gone(node: string): void {
    for (const refuse of this.#refusals.get(node) ?? [])
      refuse(new ClusterError('gone', `node ${node} has died`))
    this.#refusals.delete(node)
  }

  lost(node: string): void {
    this.#homes?.lost(node)
  }

  async #send(node: string, frame: Frame): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const refusals = this.#refusals.get(node) ?? new Set()
    this.#refusals.set(node, refusals)
    refusals.add(reject)
    void this.#carry(node, frame).then(resolve, reject)
    return promise.finally(() => refusals.delete(reject))
  }

  async #carry(node: string, frame: Frame): Promise<Answer> {
    await new Promise(setImmediate)
    const target = this.#network.find(node)
    if (this.#isDead) return new Promise(() => {})
    if (target === undefined || target.#handler === undefined)
      throw new ClusterError('gone', `node ${node} is not there`)
    const answer = await target.#handler(frame, this.node)
    // An answer goes the way of frames: it overtakes none that were sent before it.
    await new Promise(setImmediate)
    // Nobody hears the dead.
    return target.#isDead || this.#isDead ? new Promise(() => {}) : answer
  }
}
