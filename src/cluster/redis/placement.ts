import type { MonotonicClock } from '../clock.ts'
import { planSlots } from '../plan.ts'
import { SLOTS } from '../slots.ts'
import type { Members } from './members.ts'
import type { OwnSlots } from './own-slots.ts'
import type { Transfers } from './transfers.ts'

/** Slots that move at a time. */
const BATCH = 512
/** Whoever had slots before Redis lost its table takes them back after the time of a lease; those that nobody takes back wait for so much longer. */
const UNKNOWN_PART = 1 / 4

/** What placement needs. */
export interface PlacementParts {
  readonly slots: OwnSlots
  readonly members: Members
  readonly transfers: Transfers
  readonly clock: MonotonicClock
  /** ms */
  readonly lease: number
  /** Nodes that cannot be reached. */
  readonly unreachable: ReadonlySet<string>
}

/**
 * Decides which slots come and go, whenever Redis was looked at. Each node looks after what it has, and takes what it is to have: that two plans
 * differ for a moment does no harm.
 */
export class Placement {
  readonly #parts: PlacementParts
  /** Until then the table may lack what was lost with the run of Redis before this one. */
  #unsettledUntil = Number.POSITIVE_INFINITY
  /** The lease had run out, and Redis has begun a new run since: slots may have been taken by others, who were forgotten. */
  #doubtful = false
  /** Slots that are ours in the table, but not here, and since when. */
  readonly #strayed = new Map<number, number>()

  constructor(parts: PlacementParts) {
    this.#parts = parts
  }

  /** Whether the table is known to be whole: nothing is missing that was there before Redis began to run. */
  get settled(): boolean {
    return this.#parts.clock.monotonic() >= this.#unsettledUntil
  }

  /** Redis has begun a new run; `settled`: others have seen to it that its table is whole. */
  newRun(settled: boolean): void {
    const { clock, lease } = this.#parts
    this.#unsettledUntil = clock.monotonic() + (settled ? 0 : lease)
    if (this.#parts.slots.dormant) this.#doubtful = true
  }

  /** The lease has run out: what was a home stays one if nobody has taken it meanwhile. */
  lapsed(newRun: boolean): void {
    const { slots } = this.#parts
    if (slots.size === 0) return
    slots.dormant = true
    this.#doubtful ||= newRun
  }

  /** Does what follows from what is known. `serving`: whether the lease allows for it. */
  review(serving: boolean): void {
    const { slots, members, transfers } = this.#parts
    if (slots.dormant) this.#wakeUp()
    else inBatches(slots.unknownHomes, some => transfers.insist(some))
    // A plan on a table that lacks something would move slots for nothing.
    if (slots.dormant || !serving || !this.settled) return
    const plan = planSlots(slot => this.#holder(slot), members.takers)
    this.#handOver(plan)
    this.#claim(plan)
  }

  /** Once the table is whole it says which slots others have taken since the lease ran out. */
  #wakeUp(): void {
    if (!this.settled) return
    const { slots, transfers } = this.#parts
    const { table, node } = slots
    const taken = (slot: number): boolean => (table.holder(slot) ?? node) !== node
    const had = slots.those('home', 'arriving')
    inBatches(had.filter(taken), some => transfers.giveUp(some))
    const left = slots.those('home').filter(slot => !taken(slot))
    const sure = (slot: number): boolean => !this.#doubtful && table.holder(slot) === node
    inBatches(
      left.filter(slot => !sure(slot)),
      some => transfers.reclaim(some, slot => table.entry(slot)),
    )
    slots.dormant = false
    this.#doubtful = false
    slots.refresh()
  }

  #handOver(plan: readonly (string | undefined)[]): void {
    const { slots, transfers, unreachable } = this.#parts
    const going = slots.those('home').filter(slot => (plan[slot] ?? slots.node) !== slots.node)
    for (const [taker, some] of Map.groupBy(going, slot => plan[slot]!))
      if (!unreachable.has(taker)) inBatches(some, few => transfers.handOver(few, taker))
  }

  #claim(plan: readonly (string | undefined)[]): void {
    const { slots, transfers, clock, lease } = this.#parts
    const { table, node } = slots
    const forgotten = clock.monotonic() < this.#unsettledUntil + lease * UNKNOWN_PART
    const homeless: number[] = []
    for (let slot = 0; slot < SLOTS; slot++) {
      const strayed = this.#isStray(slot)
      if (slots.own(slot) !== undefined) continue
      const ours = this.#holder(slot) === undefined && plan[slot] === node
      if (strayed || (ours && !(forgotten && table.is(slot, 'unknown')))) homeless.push(slot)
    }
    inBatches(homeless, some => transfers.claim(some, slot => table.entry(slot)))
  }

  /** Whether a slot has been ours in the table alone for the time of a lease: nobody has it. */
  #isStray(slot: number): boolean {
    const { slots, clock, lease } = this.#parts
    const now = clock.monotonic()
    if (slots.own(slot) !== undefined || slots.table.holder(slot) !== slots.node) {
      this.#strayed.delete(slot)
      return false
    }
    const since = this.#strayed.get(slot) ?? now
    this.#strayed.set(slot, since)
    return now - since >= lease
  }

  /** The living node that has a slot, its home or not. */
  #holder(slot: number): string | undefined {
    const { slots, members } = this.#parts
    if (slots.own(slot) === 'home') return slots.node
    const holder = slots.table.holder(slot)
    return holder !== undefined && members.has(holder) ? holder : undefined
  }
}

function inBatches(slots: readonly number[], task: (some: readonly number[]) => void): void {
  for (let at = 0; at < slots.length; at += BATCH) task(slots.slice(at, at + BATCH))
}
