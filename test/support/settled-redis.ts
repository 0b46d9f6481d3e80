import type { RedisService } from '../../scripts/services/redis.ts'

/** So that the first node of a cluster need not wait for others whom Redis might have forgotten. For one server of Redis. */
export function settle({ servers: [server] }: RedisService, prefix: string): void {
  const run = /run_id:(\w+)/.exec(server!.run(['info', 'server']))![1]!
  server!.run(['set', `{${prefix}}:settled`, run])
}
