/** Short-lived values in Redis: rate limits and values with a time to live, which all nodes of a cluster share. */
import { crc32 } from 'node:zlib'
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

/**
 * Many values in one command. KEYS theirs; ARGV ms to live, values
 */
const SET = `
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1])
end`
/** Values that one command sets: it keeps Redis from all else for less than a millisecond. */
const TOGETHER = 500
/** Parts of the keys of a Redis Cluster: values of one part are set by one command, and each part has one master. */
const PARTS = 16

/** `Ephemeral` for all nodes of a cluster, over a connection that is closed with it. Rejects with the StorageError `unavailable`. */
export function redisEphemeral(connection: Redis | Cluster, options: RedisEphemeralOptions): Ephemeral {
  return new RedisEphemeral(connection, options)
}

class RedisEphemeral implements Ephemeral {
  readonly lasting = true
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
    return (await this.#ask(this.#redis.eval(TAKE, 1, this.#bucketOf(key), limit, perMs, now))) === 1
  }

  async set(values: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    const ms = Math.max(1, Math.ceil(ttlMs))
    // Only in a Redis Cluster a command has to do with one master.
    const parts = this.#redis.isCluster ? Map.groupBy(values, ([key]) => partOf(key)).values() : [[...values]]
    const commands: Promise<unknown>[] = []
    for (const part of parts)
      for (let at = 0; at < part.length; at += TOGETHER) {
        const some = part.slice(at, at + TOGETHER)
        const keys = some.map(([key]) => this.#valueOf(key))
        const texts = some.map(([, value]) => value)
        commands.push(this.#redis.eval(SET, keys.length, ...keys, ms, ...texts))
      }
    await this.#ask(Promise.all(commands))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask(this.#redis.get(this.#valueOf(key)))) ?? undefined
  }

  close(): void {
    this.#redis.disconnect()
  }

  /** Without a hash tag: the keys of a Redis Cluster are spread over its masters. A brace in a key makes one; that does no harm. */
  #bucketOf(key: string): string {
    return `${this.#prefix}:bucket:${key}`
  }

  /** With a hash tag for its part. */
  #valueOf(key: string): string {
    return `${this.#prefix}:value:{${partOf(key)}}:${key}`
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (cause) {
      throw new StorageError('unavailable', 'Redis does not answer', { cause })
    }
  }
}

function partOf(key: string): number {
  return crc32(key) % PARTS
}
