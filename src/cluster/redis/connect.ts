/** Connections to Redis: one server, one that Sentinels name, or a Cluster. */
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis'

/** Where Redis is and how it lets us in. One of `address`, `sentinels` and `nodes` is there. */
export interface RedisPlace {
  /** Host and port of a server. */
  readonly address?: string
  /** Hosts and ports of Sentinels, and the name that they have for the master. */
  readonly sentinels?: readonly string[]
  readonly masterName?: string
  /** Hosts and ports of some nodes of a Redis Cluster. */
  readonly nodes?: readonly string[]
  readonly username?: string
  readonly password?: string
  readonly sentinelPassword?: string
  readonly tls?: boolean
  /** Of one server or Sentinels. */
  readonly database?: number
}

/** A connection, whatever Redis it goes to. */
export type RedisConnection = Redis | Cluster

/** A command that has no answer after this time has failed, in ms; it may be done all the same. */
const COMMAND_MS = 1500
const CONNECT_MS = 2000
const LAST_RETRY_MS = 500

/**
 * Opens a connection, which is made anew whenever it breaks. Commands fail at once while there is none: whoever gives one has to know when it
 * was done. `report` is told of every failure to connect.
 */
export function connectRedis(place: RedisPlace, report: (trouble: Error) => void): RedisConnection {
  const options = {
    ...(place.username !== undefined && { username: place.username }),
    ...(place.password !== undefined && { password: place.password }),
    ...(place.tls === true && { tls: {} }),
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  }
  const retryStrategy = (times: number): number => Math.min(50 * times, LAST_RETRY_MS)
  const connection = open(place, options, retryStrategy)
  connection.on('error', report)
  return connection
}

function open(
  place: RedisPlace,
  options: CommonRedisOptions & { readonly replyMapping?: never },
  retryStrategy: (times: number) => number,
): RedisConnection {
  if (place.nodes !== undefined)
    return new Cluster(place.nodes.map(hostAndPort), {
      redisOptions: options,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      slotsRefreshTimeout: CONNECT_MS,
      // What moved is asked for once more; what failed otherwise has failed.
      maxRedirections: 3,
    })
  const single = { ...options, enableOfflineQueue: false, retryStrategy, db: place.database ?? 0 }
  if (place.sentinels === undefined) return new Redis({ ...single, ...hostAndPort(place.address!) })
  return new Redis({
    ...single,
    sentinels: place.sentinels.map(hostAndPort),
    name: place.masterName ?? 'tidings',
    ...(place.sentinelPassword !== undefined && { sentinelPassword: place.sentinelPassword }),
    sentinelRetryStrategy: retryStrategy,
    // A master that has become a replica takes no writes: there is another one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  })
}

/** `redis.example.org:6379`, `[::1]:6379` */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
