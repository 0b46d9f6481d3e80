/** Part of the composition root: what a node has in Redis, and what it tells of its cluster. Loaded only where there is one. */
import { hostname } from 'node:os'
import { RedisCluster } from './cluster/redis/cluster.ts'
import { connectRedis, type RedisPlace } from './cluster/redis/connect.ts'
import { lookForNodes } from './cluster/redis/look-for-nodes.ts'
import type { ClusterEvent } from './cluster/redis/options.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import { redisEphemeral } from './storage/redis.ts'
import type { Ephemeral, Storage } from './storage/types.ts'

type ClusterConfig = Config['cluster']

/** What a cluster needs of the rest. */
export interface ClusterParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  /** Other nodes have given this one up: it can only be started again. */
  readonly expelled: () => void
}

/** Opens a node of a cluster that meets in Redis; it joins when the core serves. Rejects when the port of its links is taken. */
export function openRedisCluster(
  { redis, links }: ClusterConfig,
  { storage, clock, log, expelled }: ClusterParts,
): Promise<RedisCluster> {
  const { address, port, secret, tls } = links
  return RedisCluster.open({
    redis: placeOf(redis),
    prefix: redis.prefix,
    links: {
      secret,
      listen: { host: address, port },
      address: links.announce ?? (isAny(address) ? hostname() : bracketed(address)),
      encrypted: tls,
    },
    fence: storage.fence,
    clock,
    report: event => tell(event, log),
    expelled: why => {
      log.error(
        { code: 'TIDINGS_NODE_EXPELLED', why },
        'the other nodes have given this one up: it stops, and has to be started again',
      )
      expelled()
    },
  })
}

/** Short-lived values that all nodes share. */
export function openRedisEphemeral(redis: ClusterConfig['redis']): Ephemeral {
  // Who needs a value is told that it cannot be had; the cluster tells of Redis itself.
  return redisEphemeral(
    connectRedis(placeOf(redis), () => {}),
    { prefix: redis.prefix },
  )
}

/** Names of nodes that run now; none when all have ended, or say nothing for the time of a lease. Rejects when Redis does not answer. */
export function livingNodes(redis: ClusterConfig['redis']): Promise<readonly string[]> {
  return lookForNodes(placeOf(redis), redis.prefix)
}

function placeOf(redis: ClusterConfig['redis']): RedisPlace {
  const { address, sentinels, master, nodes, user, password, database, tls } = redis
  return {
    ...(nodes.length > 0 ? { nodes } : sentinels.length > 0 ? { sentinels } : { address }),
    masterName: master,
    ...(user !== '' && { username: user }),
    ...(password !== '' && { password }),
    ...(redis['sentinel-password'] !== '' && { sentinelPassword: redis['sentinel-password'] }),
    database,
    tls,
  }
}

function tell(event: ClusterEvent, log: Log): void {
  switch (event.kind) {
    case 'joined':
    case 'left':
    case 'up':
      log.info({ node: event.node }, SENTENCES[event.kind])
      return
    case 'redis-back':
      log.info({}, 'Redis answers again')
      return
    case 'redis-lost':
      log.error({ code: 'TIDINGS_REDIS_LOST', err: event.trouble }, 'Redis does not answer')
      return
    case 'move-failed':
      log.warn({ code: 'TIDINGS_SLOTS_WAIT', err: event.trouble }, 'slots cannot move yet')
      return
    case 'down':
      log.warn(
        { code: 'TIDINGS_LINK_DOWN', node: event.node, err: event.trouble },
        'a node cannot be reached',
      )
      return
    case 'refused':
      log.warn({ code: 'TIDINGS_LINK_REFUSED', from: event.from, err: event.trouble }, 'a link was refused')
      return
    case 'failed': {
      const { node, op, trouble } = event
      log.error({ code: 'TIDINGS_FRAME_FAILED', node, op, err: trouble }, 'a frame could not be handled')
    }
  }
}

const SENTENCES = {
  joined: 'a node has joined the cluster',
  left: 'a node has left the cluster',
  up: 'a node is reached',
} as const

function isAny(address: string): boolean {
  return address === '::' || address === '0.0.0.0'
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
