/** Part of the composition root: how a node of a cluster leaves the others. */
import type { Cluster } from './cluster/types.ts'
import { type Clock, within } from './core/clock.ts'

/** Without Redis slots cannot be handed over: then they stay, and serve nothing (ARCHITECTURE §9). ms. */
const PATIENCE = 10_000

/** Gives all slots of this node to others; resolves when that is done, or cannot be. */
export async function handOver(cluster: Cluster, clock: Clock): Promise<void> {
  await within(clock, PATIENCE, cluster.drain(), undefined)
}
