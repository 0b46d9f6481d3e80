import type { MonotonicClock } from '../clock.ts'
import type { Links } from '../links/links.ts'
import { SLOTS, slotOf } from '../slots.ts'
import {
  type Answer,
  type Cluster,
  ClusterError,
  type Frame,
  type FrameHandler,
  type HomeEvents,
} from '../types.ts'
import { type FromWorker, parseMessage, type ToWorker } from './messages.ts'

/** What a worker has to be part of the cluster. */
export interface WorkerOptions {
  /** The links to the other workers; they belong to the cluster from now on. */
  readonly links: Links
  readonly node: string
  /** Tells the storage process, in order with commits. */
  readonly tell: (text: string) => void
  readonly clock: MonotonicClock
  /** How long an owner may be without a home, ms. */
  readonly patience: number
  /** Homes could not be given or taken: nothing is right any more. */
  readonly onFault: (fault: unknown) => void
}

/** One worker of several on this machine. Who lives and who is home to whom is known from the storage process. */
export class WorkerCluster implements Cluster {
  readonly alone = false
  readonly node: string
  readonly #options: WorkerOptions
  readonly #slots = new Array<string | undefined>(SLOTS).fill(undefined)
  /** Those who wait for the home of a slot. */
  readonly #waiting = new Map<number, Set<(home: string) => void>>()
  #members: ReadonlySet<string>
  #homes: HomeEvents | undefined
  #drained: PromiseWithResolvers<void> | undefined
  /** Slots that come or leave. */
  readonly #moves = new Set<Promise<void>>()

  constructor(options: WorkerOptions) {
    this.#options = options
    this.node = options.node
    this.#members = new Set([options.node])
  }

  get nodes(): readonly string[] {
    return [...this.#members]
  }

  homeOf(owner: string): string | undefined {
    return this.#slots[slotOf(owner)]
  }

  homeOfSlot(slot: number): string | undefined {
    return this.#slots[slot]
  }

  homeFound(owner: string): Promise<string> {
    const slot = slotOf(owner)
    const home = this.#slots[slot]
    if (home !== undefined) return Promise.resolve(home)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const waiting = this.#waiting.get(slot) ?? new Set()
    this.#waiting.set(slot, waiting)
    const late = this.#options.clock.after(this.#options.patience, () => {
      waiting.delete(found)
      reject(new ClusterError('no-home', `slot ${slot} has no home`))
    })
    const found = (home: string): void => {
      late.cancel()
      resolve(home)
    }
    waiting.add(found)
    return promise
  }

  request(node: string, frame: Frame): Promise<Answer> {
    if (!this.#members.has(node))
      return Promise.reject(new ClusterError('gone', `there is no worker ${node}`))
    return this.#options.links.request(node, frame)
  }

  notify(node: string, frame: Frame): void {
    if (this.#members.has(node)) this.#options.links.notify(node, frame)
  }

  serve(handler: FrameHandler, homes: HomeEvents): void {
    const { links, node } = this.#options
    this.#homes = homes
    links.serve(handler)
    this.#tell({ is: 'join', node, address: links.address })
  }

  drain(): Promise<void> {
    if (this.#drained === undefined) {
      this.#drained = Promise.withResolvers()
      if (this.#homes === undefined) this.#drained.resolve()
      else this.#tell({ is: 'drain' })
    }
    return this.#drained.promise
  }

  async settled(): Promise<void> {
    while (this.#moves.size > 0) await Promise.all(this.#moves)
    await this.#options.links.settled()
  }

  /** Gives the slots away first: others may have something to say to their owners as long as they go on. */
  async close(): Promise<void> {
    await this.drain()
    await this.#options.links.close()
  }

  /** The storage process tells something. */
  told(text: string): void {
    const message = parseMessage<ToWorker>(text)
    switch (message.is) {
      case 'nodes':
        this.#meet(message.nodes)
        break
      case 'homes':
        this.#settle(message.slots, message.node ?? undefined)
        break
      case 'leave':
        this.#track(this.#leave(message.move, message.slots))
        break
      case 'arrive':
        this.#track(this.#arrive(message.move, message.slots, message.state))
        break
      case 'drained':
        this.#drained?.resolve()
    }
  }

  #meet(nodes: readonly (readonly [node: string, address: string])[]): void {
    const { links } = this.#options
    const before = this.#members
    this.#members = new Set([this.node, ...nodes.map(([node]) => node)])
    for (const [node, address] of nodes) if (node !== this.node) links.reach(node, address)
    for (const node of before) {
      if (this.#members.has(node)) continue
      links.end(node)
      this.#homes?.lost(node)
    }
  }

  #settle(slots: readonly number[], home: string | undefined): void {
    for (const slot of slots) {
      this.#slots[slot] = home
      if (home === undefined) continue
      for (const found of this.#waiting.get(slot) ?? []) found(home)
      this.#waiting.delete(slot)
    }
  }

  async #leave(move: number, slots: readonly number[]): Promise<void> {
    this.#settle(slots, undefined)
    const state = await this.#homes!.leaving(new Set(slots))
    this.#tell({ is: 'left', move, state: state.toString('base64') })
  }

  async #arrive(move: number, slots: readonly number[], state: string | null): Promise<void> {
    await this.#homes!.arriving(new Set(slots), state === null ? undefined : Buffer.from(state, 'base64'))
    this.#tell({ is: 'arrived', move })
  }

  #track(move: Promise<void>): void {
    const done = move.catch(this.#options.onFault)
    this.#moves.add(done)
    void done.then(() => this.#moves.delete(done))
  }

  #tell(message: FromWorker): void {
    this.#options.tell(JSON.stringify(message))
  }
}
