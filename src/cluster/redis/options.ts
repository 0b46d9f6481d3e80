/** What a node of a cluster is given, and what it tells. */
import type { Fence } from '../../storage/types.ts'
import type { MonotonicClock } from '../clock.ts'
import type { LinkEvent, LinksOptions } from '../links/links.ts'
import type { RedisPlace } from './connect.ts'

/** What an operator may want to know. */
export type ClusterEvent =
  | LinkEvent
  | { readonly kind: 'joined' | 'left'; readonly node: string }
  | { readonly kind: 'redis-lost' | 'move-failed'; readonly trouble: unknown }
  | { readonly kind: 'redis-back' }

/** How a node is part of a cluster. */
export interface RedisClusterOptions {
  readonly redis: RedisPlace
  /** Tells clusters apart that share a Redis. */
  readonly prefix: string
  /** Its links; it makes up its name itself. */
  readonly links: Pick<LinksOptions, 'secret' | 'listen' | 'address' | 'encrypted'>
  readonly fence: Fence | undefined
  readonly clock: MonotonicClock
  /** The clock of the links, if it is another one. */
  readonly linkClock?: MonotonicClock
  readonly report: (event: ClusterEvent) => void
  /** The others have given this node up: `buried` since it said nothing, `unreachable` since their links to it broke. It serves nothing any more; to go on it has to begin anew. */
  readonly expelled: (why: 'buried' | 'unreachable') => void
  /** ms; a lease of 8 s, beats of 2 s, 12 s to wait for a home. */
  readonly lease?: number
  readonly heartbeat?: number
  readonly homeWait?: number
}
