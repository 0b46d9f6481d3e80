/** Part of the composition root: how a node of a cluster leaves the others, and how the last one ends. */
import type { Cluster } from './cluster/types.ts'
import { type Clock, within } from './core/clock.ts'
import type { Host } from './core/host.ts'

/** Without Redis slots cannot be handed over: then they stay, and serve nothing (ARCHITECTURE §9). ms. */
const PATIENCE = 10_000
/** How long a storage that does not answer holds up the end, ms. */
const FAREWELL = 5_000

/** Gives all slots of this node to others; resolves when that is done, or cannot be. */
export async function handOver(cluster: Cluster, clock: Clock): Promise<void> {
  await within(clock, PATIENCE, cluster.drain(), undefined)
}

/** There is no other node: whoever is connected, be it by another server, hears that the service ends. Before streams are closed. */
export async function sayFarewell(cluster: Cluster, hosts: readonly Host[], clock: Clock): Promise<void> {
  if (cluster.nodes.some(node => node !== cluster.node)) return
  await within(clock, FAREWELL, Promise.all(hosts.map(host => host.closing())), undefined)
}
