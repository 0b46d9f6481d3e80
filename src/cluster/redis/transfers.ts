import type { Fence } from '../../storage/types.ts'
import type { MonotonicClock } from '../clock.ts'
import type { Links } from '../links/links.ts'
import type { Answer, Frame, HomeEvents } from '../types.ts'
import type { Lease } from './lease.ts'
import type { OwnSlots } from './own-slots.ts'
import type { Registry } from './registry.ts'
import { entryOf, FREE } from './slot-table.ts'

/** What moves of slots need. */
export interface TransferParts {
  readonly slots: OwnSlots
  readonly lease: Lease
  readonly registry: Registry
  readonly links: Pick<Links, 'request'>
  readonly homes: HomeEvents
  readonly fence: Fence | undefined
  readonly clock: MonotonicClock
  /** Something went wrong that is tried again. */
  readonly report: (trouble: unknown) => void
  /** Redis is to be looked at soon. */
  readonly look: () => void
}

/** The operation of frames that hand slots over. */
export const HAND_OVER = 'cluster:hand-over'

const RETRY_MS = 250

/** How slots come to this node and leave it. None of these rejects: what cannot be done is tried again, or left for the next look at Redis. */
export class Transfers {
  readonly #parts: TransferParts
  readonly #running = new Set<Promise<void>>()
  #closed = false

  constructor(parts: TransferParts) {
    this.#parts = parts
  }

  get busy(): boolean {
    return this.#running.size > 0
  }

  /** Resolves when those that have begun are over. */
  async settled(): Promise<void> {
    while (this.busy) await Promise.all(this.#running)
  }

  /** Those under way are not tried again. */
  close(): void {
    this.#closed = true
  }

  /**
   * Hands homes of this node over to another one. In the table they are `leaving` first: from then on either the other node takes them or this
   * one takes them back, whatever becomes of the frame between them.
   */
  handOver(slots: readonly number[], to: string): void {
    this.#run(async () => {
      const { slots: own, registry, links } = this.#parts
      own.set(slots, 'leaving')
      if (!(await this.#change(slots, 'ready', 'leaving'))) {
        own.set(slots, 'home')
        return
      }
      const state = await this.#vacate(slots)
      try {
        const answer = await links.request(to, { op: HAND_OVER, slots: packSlots(slots), state })
        if (answer.taken === true) return this.#letGo(slots)
      } catch (trouble) {
        this.#parts.report(trouble)
      }
      const leaving = entryOf(own.node, 'leaving')
      await this.#untilDone(async () => {
        const back = await registry.change(entryOf(own.node, 'moving'), slots, () => leaving)
        if (back) own.set(slots, 'arriving')
        else this.#letGo(slots)
      })
      await this.#arrive(slots, state)
    })
  }

  /** Another node hands slots over: answered as soon as they are this node's, since it keeps trying from then on. */
  async takeOver(frame: Frame, from: string): Promise<Answer> {
    const slots = unpackSlots(frame.slots)
    const { slots: own, registry } = this.#parts
    if (this.#closed || slots.some(slot => own.own(slot) !== undefined)) return { taken: false }
    own.set(slots, 'arriving')
    const leaving = entryOf(from, 'leaving')
    const taken = await registry
      .change(entryOf(own.node, 'moving'), slots, () => leaving)
      .catch(trouble => this.#parts.report(trouble))
    if (taken !== true) {
      own.set(slots, undefined)
      return { taken: false }
    }
    this.#run(() => this.#arrive(slots, frame.state as Buffer))
    return { taken: true }
  }

  /** Takes slots that have no home, if they are still as `expected` says. */
  claim(slots: readonly number[], expected: (slot: number) => string): void {
    this.#run(async () => {
      const { slots: own, registry } = this.#parts
      own.set(slots, 'arriving')
      const taken = await registry
        .change(entryOf(own.node, 'moving'), slots, expected)
        .catch(trouble => this.#parts.report(trouble))
      if (taken === true) return this.#arrive(slots, undefined)
      own.set(slots, undefined)
      this.#parts.look()
    })
  }

  /** Redis has forgotten that these are homes of this node, whose lease has not run out meanwhile: nobody else can have them. */
  insist(slots: readonly number[]): void {
    this.#run(async () => {
      const { slots: own, registry } = this.#parts
      const { table } = own
      // Only from what was seen: a command that Redis comes to late must not undo what was done since.
      await registry
        .change(entryOf(own.node, 'ready'), slots, slot => table.entry(slot))
        .catch(trouble => this.#parts.report(trouble))
      this.#parts.look()
    })
  }

  /**
   * Homes of this node whose lease had run out, and of which Redis does not know for sure: taken as those are that nobody has, but with the
   * state that is here.
   */
  reclaim(slots: readonly number[], expected: (slot: number) => string): void {
    this.#run(async () => {
      const { slots: own, registry } = this.#parts
      const state = await this.#vacate(slots)
      own.set(slots, 'arriving')
      const taken = await registry
        .change(entryOf(own.node, 'moving'), slots, expected)
        .catch(trouble => this.#parts.report(trouble))
      if (taken === true) await this.#arrive(slots, state)
      else this.#letGo(slots)
    })
  }

  /** Others have them: the lease had run out. */
  giveUp(slots: readonly number[]): void {
    this.#run(async () => {
      await this.#vacate(slots)
      this.#letGo(slots)
    })
  }

  /** Gives homes back, for whoever comes. */
  release(slots: readonly number[]): void {
    this.#run(async () => {
      const { slots: own, registry } = this.#parts
      await this.#vacate(slots)
      const ready = entryOf(own.node, 'ready')
      await registry.change(FREE, slots, () => ready).catch(trouble => this.#parts.report(trouble))
      this.#letGo(slots)
    })
  }

  /** They are this node's in the table: makes it their home. */
  async #arrive(slots: readonly number[], state: Buffer | undefined): Promise<void> {
    const { slots: own, homes, fence, lease, registry } = this.#parts
    const ours = (): readonly number[] => slots.filter(slot => own.own(slot) === 'arriving')
    await this.#untilDone(async () => {
      const wanted = ours()
      if (wanted.length === 0) return
      await fence?.take(wanted)
      // That may take long where the storage is slow: some may be another node's by now.
      const slots = ours()
      fence?.extend(slots, lease.end)
      if (slots.length > 0) await homes.arriving(new Set(slots), state)
    })
    await this.#untilDone(async () => {
      const slots = ours()
      if (slots.length === 0) return
      const moving = entryOf(own.node, 'moving')
      const done = await registry.change(entryOf(own.node, 'ready'), slots, () => moving)
      // While the lease holds nobody else can have them: Redis has lost that they are ours, which is seen at the next look.
      if (!done && own.dormant) throw new Error('not known yet whose the slots are')
      own.set(slots, 'home')
      fence?.extend(slots, lease.end)
    })
    this.#parts.look()
  }

  /** Ends what is under way in homes of this node, which writes nothing for them from then on; gives what the next home needs. */
  async #vacate(slots: readonly number[]): Promise<Buffer> {
    const { slots: own, homes, fence } = this.#parts
    own.set(slots, 'leaving')
    const state = await homes.leaving(new Set(slots))
    own.set(slots, 'left')
    fence?.extend(slots, 0)
    return state
  }

  #letGo(slots: readonly number[]): void {
    this.#parts.slots.set(slots, undefined)
    this.#parts.look()
  }

  #change(slots: readonly number[], from: 'ready', to: 'leaving'): Promise<boolean> {
    const { slots: own, registry, report } = this.#parts
    const expected = entryOf(own.node, from)
    return registry
      .change(entryOf(own.node, to), slots, () => expected)
      .catch(trouble => {
        report(trouble)
        return false
      })
  }

  /** Tries until it works: storage or Redis may not answer for a while. */
  async #untilDone(task: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      try {
        return await task()
      } catch (trouble) {
        this.#parts.report(trouble)
        await new Promise<void>(resolve => this.#parts.clock.after(RETRY_MS, resolve))
      }
    }
  }

  #run(task: () => Promise<void>): void {
    const done = task()
      .catch(trouble => this.#parts.report(trouble))
      .finally(() => this.#running.delete(done))
    this.#running.add(done)
  }
}

/** Two bytes each. */
function packSlots(slots: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(2 * slots.length)
  for (const [i, slot] of slots.entries()) bytes.writeUInt16BE(slot, 2 * i)
  return bytes
}

function unpackSlots(bytes: unknown): readonly number[] {
  const packed = bytes as Buffer
  return Array.from({ length: packed.length / 2 }, (_, i) => packed.readUInt16BE(2 * i))
}
