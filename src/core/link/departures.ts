/** Slots that are leaving this node, and what goes with them: docs/decisions/0022. */
import { slotOf } from '../../cluster/slots.ts'
import type { Frame } from '../../cluster/types.ts'
import { inOrder, type Underway } from './errands.ts'
import { Moved } from './frames.ts'

/** Some slots, until they have left. */
export interface Departure {
  readonly slots: ReadonlySet<number>
  /** What is from their owners and waits for a home elsewhere. */
  readonly along: Underway[]
}

/** All that are under way. */
export class Departures {
  readonly #all = new Set<Departure>()

  /** Whether any slots are leaving. */
  get any(): boolean {
    return this.#all.size > 0
  }

  /** These begin to leave. */
  begin(slots: ReadonlySet<number>): Departure {
    const departure: Departure = { slots, along: [] }
    this.#all.add(departure)
    return departure
  }

  /** They have left; the frames that go along. */
  end(departure: Departure): readonly Frame[] {
    this.#all.delete(departure)
    return departure.along.toSorted(inOrder).map(({ errand }) => errand.frame)
  }

  /** Whether an errand is no longer this node's business: it goes along, or its sender has left. */
  takes(one: Underway): boolean {
    const { sender, from } = one.errand
    if (sender?.left !== undefined) {
      one.fail(new Moved())
      return true
    }
    if (from === undefined) return false
    for (const { slots, along } of this.#all)
      if (slots.has(slotOf(from))) {
        along.push(one)
        one.done({})
        return true
      }
    return false
  }
}
