import { type Clock, within } from '../core/clock.ts'
import { software } from '../core/software.ts'
import type { CasTable, Storage } from '../storage/types.ts'
import { JID } from '../xml/jid.ts'

/** How long an answer holds, ms: whoever asks often costs nothing. */
const FRESH_MS = 5_000
/** A storage that takes longer (ms) does not work. */
const TIMEOUT_MS = 5_000

/** How a server is. */
export interface Health {
  readonly healthy: boolean
  readonly version: string
  /** Seconds since the start. */
  readonly uptime: number
  /** `ok`, or why nothing can be stored. */
  readonly storage: string
  /** It sends its clients away, to be stopped: a balancer should bring no others. */
  readonly draining: boolean
}

/** Tells whether the server can do what it is there for: store a row, durably. */
export class HealthCheck {
  readonly #table: CasTable<number>
  readonly #owner: JID
  readonly #clock: Clock
  readonly #started: number
  readonly #draining: () => boolean
  #last: { readonly at: number; readonly answer: Promise<string> } | undefined

  /** `host`: a domain of the server, under whose name the row is stored. */
  constructor(storage: Storage, host: string, clock: Clock, draining: () => boolean) {
    // Every node may change such a row, whichever is home to its owner.
    this.#table = storage.table<number>('probe', 'cas')
    this.#owner = JID.parse(host)
    this.#clock = clock
    this.#started = clock.monotonic()
    this.#draining = draining
  }

  /** Never rejects. */
  async look(): Promise<Health> {
    const now = this.#clock.monotonic()
    if (this.#last === undefined || now - this.#last.at > FRESH_MS)
      this.#last = { at: now, answer: this.#probe() }
    const storage = await this.#last.answer
    const uptime = Math.floor((now - this.#started) / 1000)
    const draining = this.#draining()
    return { healthy: storage === 'ok' && !draining, version: software.version, uptime, storage, draining }
  }

  #probe(): Promise<string> {
    const probed = this.#table
      .update(this.#owner, 'probe', (before = 0) => Math.max(before + 1, this.#clock.now()))
      .then(() => 'ok', codeOf)
    return within(this.#clock, TIMEOUT_MS, probed, 'no answer')
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? 'failed')
}
