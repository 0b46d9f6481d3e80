/** Part of the composition root: how a node of a cluster leaves the others. */
import type { Cluster } from './cluster/types.ts'
import type { Clock } from './core/clock.ts'

/** Without Redis slots cannot be handed over: then they stay, and serve nothing (ARCHITECTURE §9). ms. */
const PATIENCE = 10_000

/** Gives all slots of this node to others; resolves when that is done, or cannot be. */
export async function handOver(cluster: Cluster, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(PATIENCE, late.resolve)
  await Promise.race([cluster.drain(), late.promise])
  timer.cancel()
}
