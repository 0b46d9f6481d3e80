import type { MonotonicClock } from '../clock.ts'
import type { Lease } from './lease.ts'
import type { MemberRecord, Registry, Sight } from './registry.ts'

/** What the presence of a node is made of. */
export interface PresenceParts {
  readonly registry: Registry
  readonly lease: Lease
  readonly clock: MonotonicClock
  readonly heartbeat: number
  /** What is told of this node with the next beat. */
  readonly record: () => Omit<MemberRecord, 'beat'>
  /** The run whose table is known to be whole; empty: none is. */
  readonly settles: () => string
  /** What Redis has said. `lapsed`: with a beat before which the lease had run out. */
  readonly saw: (sight: Sight, lapsed: boolean) => void
  /** Redis does not answer, or does again (undefined). */
  readonly troubled: (trouble: unknown) => void
}

/** A beat that has failed is tried again after this part of the time between beats. */
const RETRY_PART = 4

/** Says again and again that a node is alive, and looks at what others say: with each beat, and when there is a hint. */
export class Presence {
  readonly #parts: PresenceParts
  #beat = 0
  #timer: { cancel(): void } | undefined
  #looking: Promise<void> | undefined
  #again: 'look' | 'beat' | undefined
  #stopped = false

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  /** Whether it waits for Redis. */
  get busy(): boolean {
    return this.#looking !== undefined
  }

  async settled(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking
  }

  /** From now on a beat comes by itself when one is due; the first one, at the latest, when the time between two has passed. */
  start(): void {
    this.#timer ??= this.#parts.clock.after(this.#parts.heartbeat, () => this.beat())
  }

  /** Says at once that the node is alive, and from then on again and again. */
  beat(): void {
    this.#do('beat')
  }

  /** Looks at once, or once more after the look that is under way. */
  look(): void {
    this.#do('look')
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #do(what: 'look' | 'beat'): void {
    if (this.#stopped) return
    if (this.#looking !== undefined) {
      if (this.#again !== 'beat') this.#again = what
      return
    }
    this.#looking = (what === 'beat' ? this.#sendBeat() : this.#sendLook()).finally(() => {
      this.#looking = undefined
      const again = this.#again
      this.#again = undefined
      if (again !== undefined) this.#do(again)
    })
  }

  async #sendBeat(): Promise<void> {
    const { registry, clock, record, settles, lease, saw, troubled, heartbeat } = this.#parts
    this.#timer?.cancel()
    // The lease counts from before the question: Redis may do it at any time until the answer.
    const sent = clock.monotonic()
    let next = heartbeat / RETRY_PART
    try {
      const sight = await registry.beat({ ...record(), beat: ++this.#beat }, settles())
      next = heartbeat
      troubled(undefined)
      if (!this.#stopped) saw(sight, sight.buried || lease.renew(sent))
    } catch (trouble) {
      troubled(trouble)
    }
    if (!this.#stopped) this.#timer = clock.after(next, () => this.beat())
  }

  async #sendLook(): Promise<void> {
    try {
      const sight = await this.#parts.registry.look()
      if (!this.#stopped) this.#parts.saw(sight, false)
    } catch (trouble) {
      this.#parts.troubled(trouble)
    }
  }
}
