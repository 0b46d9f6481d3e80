/** Short-lived values in Redis: rate limits and values with a time to live, which all nodes of a cluster share. */
import type { Cluster, Redis } from 'ioredis'
import { type Ephemeral, StorageError, type WallClock } from './types.ts'

/** How values are kept. */
export interface RedisEphemeralOptions {
  /** Tells clusters apart that share a Redis. */
  readonly prefix: string
  /** For tests: a clock instead of that of Redis, for buckets. */
  readonly clock?: WallClock
}

/**
 * A bucket is its tokens and when they were counted. It is dropped when it would be full. Time is that of Redis, so that it is the same for all
 * nodes; one that is set back gives no tokens and takes none.
 * KEYS bucket; ARGV limit per-ms now-or-nothing
 */
const TAKE = `
local limit, per, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if now == nil then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local tokens, at = limit, now
local kept = redis.call('GET', KEYS[1])
if kept then
  local first, second = string.match(kept, '(%S+) (%S+)')
  tokens, at = tonumber(first), tonumber(second)
end
tokens = math.min(limit, tokens + math.max(0, now - at) * limit / per)
local granted = 0
if tokens >= 1 then
  granted = 1
  tokens = tokens - 1
end
local full = math.ceil((limit - tokens) * per / limit)
redis.call('SET', KEYS[1], string.format('%.10f %.0f', tokens, now), 'PX', math.max(1, full))
return granted`

/** `Ephemeral` for all nodes of a cluster, over a connection that is closed with it. Rejects with the StorageError `unavailable`. */
export function redisEphemeral(connection: Redis | Cluster, options: RedisEphemeralOptions): Ephemeral {
  return new RedisEphemeral(connection, options)
}

class RedisEphemeral implements Ephemeral {
  readonly #redis: Redis | Cluster
  readonly #prefix: string
  readonly #clock: WallClock | undefined

  constructor(connection: Redis | Cluster, { prefix, clock }: RedisEphemeralOptions) {
    this.#redis = connection
    this.#prefix = prefix
    this.#clock = clock
  }

  async take(key: string, limit: number, perMs: number): Promise<boolean> {
    const now = this.#clock?.now() ?? ''
    return (await this.#ask(this.#redis.eval(TAKE, 1, this.#key('bucket', key), limit, perMs, now))) === 1
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#ask(this.#redis.set(this.#key('value', key), value, 'PX', Math.max(1, Math.ceil(ttlMs))))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask(this.#redis.get(this.#key('value', key)))) ?? undefined
  }

  close(): void {
    this.#redis.disconnect()
  }

  /** Without a hash tag: the keys of a Redis Cluster are spread over its masters. A brace in a key makes one; that does no harm. */
  #key(kind: 'bucket' | 'value', key: string): string {
    return `${this.#prefix}:${kind}:${key}`
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (cause) {
      throw new StorageError('unavailable', 'Redis does not answer', { cause })
    }
  }
}
