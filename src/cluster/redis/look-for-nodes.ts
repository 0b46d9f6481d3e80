import { setTimeout as delay } from 'node:timers/promises'
import { connectRedis, type RedisPlace } from './connect.ts'
import { Registry, type Sight } from './registry.ts'

/** A node is dead when it has said nothing for so long, ms: as nodes have it (cluster.ts). */
const LEASE_MS = 8_000
const POLL_MS = 250
/** How long Redis is waited for, ms. */
const PATIENCE_MS = 5_000

/**
 * The nodes of a cluster that are alive, for who is none of them; looks until one of them says something, or nobody has for the time of a
 * lease. Rejects when Redis does not answer.
 */
export async function lookForNodes(
  place: RedisPlace,
  prefix: string,
  lease = LEASE_MS,
): Promise<readonly string[]> {
  const open = () => connectRedis(place, () => {})
  const registry = new Registry(open(), open(), '', prefix)
  try {
    const first = beatsOf(await firstLook(registry))
    const end = performance.now() + lease
    while (first.size > 0 && performance.now() < end) {
      await delay(POLL_MS)
      const now = beatsOf(await registry.look())
      const alive = [...now].filter(([node, beat]) => beat !== first.get(node))
      if (alive.length > 0) return alive.map(([node]) => node)
      for (const node of first.keys()) if (!now.has(node)) first.delete(node)
    }
    return []
  } finally {
    registry.close()
  }
}

/** The connection has only been begun. */
async function firstLook(registry: Registry): Promise<Sight> {
  for (const end = performance.now() + PATIENCE_MS; ; await delay(POLL_MS))
    try {
      return await registry.look()
    } catch (trouble) {
      if (performance.now() > end) throw trouble
    }
}

function beatsOf({ members }: Sight): Map<string, number> {
  return new Map(Array.from(members, ([node, { record }]) => [node, record.beat]))
}
