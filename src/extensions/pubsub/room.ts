/** How much nodes hold. */
import { pubsubError } from './errors.ts'
import type { Held } from './node.ts'

/** The oldest ones that are too many. */
export function surplus(ids: ReadonlyMap<string, Held>, most: number): string[] {
  return [...ids.keys()].slice(0, Math.max(0, ids.size - most))
}

/** A node is read as a whole, so it has an end. */
export function requireRoom(ids: ReadonlyMap<string, Held>, dropped: readonly string[], most: number): void {
  let size = 0
  for (const [id, held] of ids) if (!dropped.includes(id)) size += held.size
  // XEP-0060 §7.1.3.4
  if (size > most) throw pubsubError('conflict', 'node-full', { text: `a node holds at most ${most} bytes` })
}
