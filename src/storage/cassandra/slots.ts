import { randomUUID } from 'node:crypto'
import type { Fence } from '../types.ts'
import type { Connection, Statement } from './connection.ts'
import { NotHeld, Passing } from './errors.ts'
import { inParallel } from './gate.ts'
import { patiently } from './patience.ts'

/** Slots whose epochs are one partition, and so one conditional batch. */
const SLOTS_PER_PART = 64
/** Parts that are raised at once. */
const AT_ONCE = 16
/** How long it is tried, ms: a ring that has just started, or has lost a node, takes its time for the first lightweight transactions. */
const TAKE_MS = 30_000
/** Bits of a counter below the epoch: 34 years of a million writes a second. 23 are left for the epoch. */
const COUNTER_BITS = 40n

/** So that ids are above those of embedded back ends (archive-ids.ts) until the year 2109, and items that come from there are older. */
const FIRST_EPOCH = 4_096n

const READ = 'SELECT slot, epoch, holder FROM epochs WHERE part = ?'
const FIRST = 'INSERT INTO epochs (part, slot, epoch, holder) VALUES (?, ?, ?, ?) IF NOT EXISTS'
const NEXT = 'UPDATE epochs SET epoch = ?, holder = ? WHERE part = ? AND slot = ? IF epoch = ?'

/** That this process holds a slot, from when it took it until it lets go. Taken again it is another one. */
export interface Term {
  readonly epoch: bigint
  /** `performance.now()`, ms. */
  until: number
}

/** Which slots this process holds, and what makes its writes win over those of former homes. */
export class Slots implements Fence {
  readonly #connection: Connection
  readonly #slotOf: (owner: string) => number
  readonly #permit: () => Promise<void>
  readonly #terms = new Map<number, Term>()
  #counter = 0

  /** `permit` is asked whenever slots are to be taken, and rejects where they must not be. */
  constructor(
    connection: Connection,
    slotOf: (owner: string) => number,
    permit: () => Promise<void> = async () => {},
  ) {
    this.#connection = connection
    this.#slotOf = slotOf
    this.#permit = permit
  }

  async take(slots: readonly number[]): Promise<void> {
    for (const slot of slots) this.#terms.delete(slot)
    await this.#permit()
    const parts = Map.groupBy(slots, slot => Math.floor(slot / SLOTS_PER_PART))
    await inParallel(parts, AT_ONCE, ([part, slots]) => {
      const holder = randomUUID()
      return patiently(TAKE_MS, () => this.#raise(part, slots, holder))
    })
  }

  /** Raises the epochs of some slots of one part, against rivals too. */
  async #raise(part: number, slots: readonly number[], holder: string): Promise<void> {
    for (;;) {
      const rows = await this.#connection.serially(READ, [part])
      const known = new Map(rows.map(row => [row.slot as number, row]))
      // An attempt whose end was not heard of may have been ours.
      const ours = slots.every(slot => known.get(slot)?.holder === holder)
      if (!ours) {
        const raise = slots.map(slot => raised(part, slot, holder, known))
        const done = await this.#connection.compareAndSet(raise)
        if (done === undefined) throw new Passing('a lightweight transaction was not decided in time')
        if (!done) continue
      }
      for (const slot of slots) {
        const epoch = known.get(slot)?.epoch as bigint | undefined
        this.#terms.set(slot, { epoch: ours ? epoch! : nextEpoch(epoch), until: 0 })
      }
      return
    }
  }

  extend(slots: readonly number[], until: number): void {
    for (const slot of slots) {
      const term = this.#terms.get(slot)
      if (term !== undefined) term.until = until
    }
  }

  /** The slot of an owner. */
  slotOf(owner: string): number {
    return this.#slotOf(owner)
  }

  /** Whether this process may write for an owner now. */
  holds(owner: string): boolean {
    const term = this.#terms.get(this.#slotOf(owner))
    return term !== undefined && term.until > performance.now()
  }

  /** What this process holds an owner's slot by; throws where it does not. */
  termOf(owner: string): Term {
    const term = this.#terms.get(this.#slotOf(owner))
    if (term === undefined || term.until <= performance.now()) throw new NotHeld()
    return term
  }

  /** The same, to look whether it is still the same. */
  currentTerm(owner: string): Term | undefined {
    return this.#terms.get(this.#slotOf(owner))
  }

  /** Whether a stamp may have been given before by whoever held the slot of this term. */
  mayBePast(stamp: bigint, { epoch }: Term): boolean {
    return (
      stamp >> COUNTER_BITS >= FIRST_EPOCH &&
      stamp >> COUNTER_BITS < epoch &&
      BigInt.asUintN(Number(COUNTER_BITS), stamp) !== 0n
    )
  }

  /** The last stamp of the term in which an owner's slot is held, by whomever. */
  async lastStamp(owner: string): Promise<bigint> {
    const slot = this.#slotOf(owner)
    const rows = await this.#connection.serially(READ, [Math.floor(slot / SLOTS_PER_PART)])
    const epoch = rows.find(row => row.slot === slot)?.epoch as bigint | undefined
    return (((epoch ?? 0n) + 1n) << COUNTER_BITS) - 1n
  }

  /** A number that is greater than all that were given for the owners of this slot before, by whomever: an id, or a timestamp. */
  stamp({ epoch }: Term): bigint {
    return (epoch << COUNTER_BITS) + BigInt(++this.#counter)
  }
}

function raised(
  part: number,
  slot: number,
  holder: string,
  known: ReadonlyMap<number, { readonly epoch?: unknown }>,
): Statement {
  const epoch = known.get(slot)?.epoch as bigint | undefined
  return epoch === undefined
    ? { query: FIRST, params: [part, slot, nextEpoch(epoch), holder] }
    : { query: NEXT, params: [nextEpoch(epoch), holder, part, slot, epoch] }
}

function nextEpoch(epoch: bigint | undefined): bigint {
  return epoch === undefined ? FIRST_EPOCH : epoch + 1n
}
