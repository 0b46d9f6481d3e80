import { SaslError } from '../auth/sasl.ts'
import { type Clock, pause } from '../core/clock.ts'
import type { Counter, Metrics } from '../core/metrics.ts'

/** How many clients may begin to sign in. */
export interface SignInLimits {
  /** That many in a second, in the long run and after a pause at once. Infinity: no limit. */
  readonly perSecond: number
  /** How long one may wait for its turn, in seconds. Who would have to wait longer is told to come back. */
  readonly waitSeconds: number
}

/**
 * Spreads sign-ins over time. When thousands of clients come back at once, say after a node died, each of them makes the storage read: their
 * number per second is bounded, the others wait in the order they came, and those who would wait too long are told so. No one of them is the
 * worse for it, since a storage that is drowned serves nobody. Nobody begins while the storage is behind with what others have sent.
 */
export class SignInQueue {
  #limits: SignInLimits
  readonly #clock: Clock
  readonly #pressure: () => Promise<void> | undefined
  /** When the next one's turn is, on the monotonic clock, in ms. */
  #next = 0
  #waiting = 0
  readonly #refused: Counter

  /** `pressure`: as `Storage.pressure()`. */
  constructor(
    limits: SignInLimits,
    clock: Clock,
    metrics: Metrics,
    pressure: () => Promise<void> | undefined,
  ) {
    this.#limits = limits
    this.#clock = clock
    this.#pressure = pressure
    metrics.gauge('tidings_sign_ins_waiting', 'Clients in line to sign in', () => this.#waiting)
    const refused = 'Clients that found that line too long and were told to come back'
    this.#refused = metrics.counter('tidings_sign_ins_refused_total', refused)
  }

  /** For those who come from now on; they begin a line of their own. */
  set limits(limits: SignInLimits) {
    this.#limits = limits
    this.#next = 0
  }

  /** The turn of a client: `undefined` if it is now, else a promise of that moment. Throws the SaslError for who would wait too long. */
  turn(): Promise<void> | undefined {
    const { perSecond, waitSeconds } = this.#limits
    const now = this.#clock.monotonic()
    // After a pause a second's worth may begin at once.
    const turn = Math.max(this.#next, now - 1000)
    const wait = turn - now
    if (wait > waitSeconds * 1000) this.#refuse(wait)
    this.#next = turn + 1000 / perSecond
    return wait > 0 || this.#pressure() !== undefined ? this.#wait(wait) : undefined
  }

  async #wait(ms: number): Promise<void> {
    this.#waiting++
    try {
      if (ms > 0) await pause(this.#clock, ms)
      for (let pressure = this.#pressure(); pressure !== undefined; pressure = this.#pressure())
        await pressure
    } finally {
      this.#waiting--
    }
  }

  /** RFC 6120 §6.5.10: "it is advisable for the initiating entity to try again later". */
  #refuse(wait: number): never {
    this.#refused.value++
    const seconds = Math.ceil(wait / 1000)
    throw new SaslError(
      'temporary-auth-failure',
      `Too many clients are signing in. Try again in ${seconds} seconds.`,
    )
  }
}
