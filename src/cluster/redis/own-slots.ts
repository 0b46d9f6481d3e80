import { SLOTS, slotOf } from '../slots.ts'
import type { Lease } from './lease.ts'
import type { Members } from './members.ts'
import { entryOf, SlotTable } from './slot-table.ts'

/** How a slot of this node stands here, whatever Redis says. `left`: it is no home any more, and nobody else has it yet. */
export type OwnStanding = 'home' | 'leaving' | 'left' | 'arriving'

/** Whose the slots are, as this node sees it; its own as it knows itself. */
export class OwnSlots {
  readonly node: string
  /** What Redis says. */
  table = new SlotTable()
  /** The lease had run out, and it is not known yet which slots are still ours: none is served. */
  dormant = false
  readonly #lease: Lease
  readonly #members: Members
  readonly #own = new Map<number, OwnStanding>()
  /** The home of each slot; our own name where we are. */
  readonly #homes = new Array<string | undefined>(SLOTS).fill(undefined)

  constructor(node: string, lease: Lease, members: Members) {
    this.node = node
    this.#lease = lease
    this.#members = members
  }

  /** How many this node has, however they stand. */
  get size(): number {
    return this.#own.size
  }

  /** As `Cluster` has it. */
  homeOf(owner: string): string | undefined {
    return this.homeOfSlot(slotOf(owner))
  }

  /** As `Cluster` has it. */
  homeOfSlot(slot: number): string | undefined {
    const home = this.#homes[slot]
    return home === this.node && (this.dormant || !this.#lease.serving) ? undefined : home
  }

  own(slot: number): OwnStanding | undefined {
    return this.#own.get(slot)
  }

  /** The slots that stand so here. */
  those(...standings: readonly OwnStanding[]): number[] {
    return [...this.#own].filter(([, standing]) => standings.includes(standing)).map(([slot]) => slot)
  }

  /** They stand so from now on; undefined: they are not ours. */
  set(slots: Iterable<number>, standing: OwnStanding | undefined): void {
    for (const slot of slots) {
      if (standing === undefined) this.#own.delete(slot)
      else this.#own.set(slot, standing)
      this.#homes[slot] = this.#homeOf(slot)
    }
  }

  /** The table or the members have changed. */
  refresh(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.#homes[slot] = this.#homeOf(slot)
  }

  /** Homes that Redis does not know of: it has lost something. */
  get unknownHomes(): number[] {
    const ready = entryOf(this.node, 'ready')
    return this.those('home').filter(slot => this.table.entry(slot) !== ready)
  }

  #homeOf(slot: number): string | undefined {
    const own = this.#own.get(slot)
    if (own !== undefined) return own === 'home' ? this.node : undefined
    const holder = this.table.holder(slot)
    if (holder === undefined || holder === this.node || !this.table.is(slot, 'ready')) return undefined
    return this.#members.has(holder) ? holder : undefined
  }
}
