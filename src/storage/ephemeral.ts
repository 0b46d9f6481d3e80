/** Short-lived values of one process: rate limits and values with a time to live, kept in memory. */
import type { Ephemeral, WallClock } from './types.ts'

interface Bucket {
  tokens: number
  /** When `tokens` was right, in ms. */
  at: number
  /** When the bucket will be full again, so that nothing is lost by dropping it. */
  expires: number
}

interface Value {
  readonly text: string
  readonly expires: number
}

/** Look at the dead entries once per this many new ones: keeps memory within twice of what lives. */
const SWEEP_EVERY = 1024

/** `Ephemeral` for a server of one node. Forgets everything at the end of the process. */
export function memoryEphemeral(clock: WallClock): Ephemeral {
  return new MemoryEphemeral(clock)
}

class MemoryEphemeral implements Ephemeral {
  readonly lasting = false
  readonly #clock: WallClock
  readonly #buckets = new Expiring<Bucket>()
  readonly #values = new Expiring<Value>()

  constructor(clock: WallClock) {
    this.#clock = clock
  }

  async take(key: string, limit: number, perMs: number): Promise<boolean> {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(key, now) ?? { tokens: limit, at: now, expires: now }
    // A clock that was set back gives no tokens, and takes none.
    const elapsed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(limit, bucket.tokens + (elapsed * limit) / perMs)
    bucket.at = now
    const granted = bucket.tokens >= 1
    if (granted) bucket.tokens -= 1
    bucket.expires = now + ((limit - bucket.tokens) * perMs) / limit
    this.#buckets.set(key, bucket, now)
    return granted
  }

  async set(values: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    const now = this.#clock.now()
    for (const [key, text] of values) this.#values.set(key, { text, expires: now + ttlMs }, now)
  }

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key, this.#clock.now())?.text
  }
}

/** A map whose entries end by themselves. */
class Expiring<V extends { readonly expires: number }> {
  readonly #entries = new Map<string, V>()
  #sweepAt = SWEEP_EVERY

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key)
    if (entry !== undefined && entry.expires > now) return entry
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, entry: V, now: number): void {
    this.#entries.set(key, entry)
    if (this.#entries.size < this.#sweepAt) return
    for (const [other, { expires }] of this.#entries) if (expires <= now) this.#entries.delete(other)
    this.#sweepAt = this.#entries.size * 2 + SWEEP_EVERY
  }
}
