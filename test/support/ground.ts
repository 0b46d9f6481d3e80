/** What the servers of a test stand on: nodes of a cluster, each with what it has of the storage. */
import { LocalNetwork } from '../../src/cluster/local.ts'
import { singleNode } from '../../src/cluster/single-node.ts'
import type { Cluster } from '../../src/cluster/types.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { storageOf } from '../../src/storage/front.ts'
import { memoryEngine, memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite, openSqliteEngine } from '../../src/storage/sqlite/open.ts'
import type { Storage, WallClock } from '../../src/storage/types.ts'
import { type Shared, type WorkerNode, WorkerNodes } from './worker-nodes.ts'

/** Where servers are launched, once or again after a stop. */
export interface Ground {
  /** What the test itself reads and writes, before a server runs. */
  readonly storage: Storage
  launch(): Promise<Nodes>
  /** Lets go of the storage, when nothing runs any more. */
  close(): Promise<void>
}

/** The nodes of one launch. */
export interface Nodes {
  readonly all: readonly GroundNode[]
  /** Where slots can be moved at will. */
  readonly network?: LocalNetwork
  /** What they store goes to other processes. */
  readonly far?: boolean
  /** All are served: resolves when every slot has a home. */
  served(): Promise<void>
  /** All are about to stop: no slot need find another home. */
  stopping(): void
  /** All have left. */
  close(): Promise<void>
}

/** What a server is given. */
export interface GroundNode {
  readonly cluster: Cluster
  readonly storage: Storage
  /** Its server has stopped. */
  leave(): Promise<void>
}

/** How a test without services of its own keeps what is stored. */
export type Kept = 'memory' | 'sqlite'

/** One node alone, or several that are joined in memory over one storage. */
export async function localGround(count: number, kept: Kept, site: Site): Promise<Ground> {
  return groundOver(count, kept === 'sqlite' ? await openSqlite(site) : memoryStorage(site))
}

/** The same over a storage of the test's own, which is closed with it. */
export function groundOver(count: number, storage: Storage): Ground {
  const launch = async (): Promise<Nodes> => {
    const network = new LocalNetwork()
    const clusters =
      count === 1 ? [singleNode()] : Array.from({ length: count }, (_, i) => network.join(`node${i}`))
    const all = clusters.map(cluster => ({ cluster, storage, leave: nothing }))
    return { all, network, served: nothing, stopping() {}, close: nothing }
  }
  return { storage, launch, close: () => storage.close() }
}

/** Workers: their storage is elsewhere, and they talk over sockets. */
export async function workerGround(count: number, kept: Kept, site: Site): Promise<Ground> {
  const engine = kept === 'sqlite' ? await openSqliteEngine(site) : memoryEngine(site)
  const shared: Shared = { engine, ephemeral: memoryEphemeral(site.clock), clock: site.clock }
  const storage = storageOf(engine, shared.ephemeral, site.clock)
  return { storage, launch: () => launchWorkers(count, shared), close: () => storage.close() }
}

/** What a test has for its servers. */
export interface Site {
  readonly folder: string
  readonly clock: WallClock
}

async function nothing(): Promise<void> {}

async function launchWorkers(count: number, shared: Shared): Promise<Nodes> {
  const workers = await WorkerNodes.open(shared)
  const joined: WorkerNode[] = []
  for (let i = 0; i < count; i++) joined.push(await workers.add())
  return {
    all: joined.map(({ cluster, storage }) => ({ cluster, storage, leave: () => cluster.close() })),
    served: () => workers.settled(joined),
    stopping: () => workers.coordinator.stop(),
    async close() {
      for (const { storage } of joined) await storage.close()
      await workers.close()
    },
  }
}
