/** Workers as they are in processes of their own, in this process: real sockets between them and to their storage. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Links } from '../../src/cluster/links/links.ts'
import { Coordinator } from '../../src/cluster/workers/coordinator.ts'
import { WorkerCluster } from '../../src/cluster/workers/worker.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { connectStorage } from '../../src/storage/shared/open.ts'
import { StorageServer } from '../../src/storage/shared/server.ts'
import type { Ephemeral, Storage, WallClock } from '../../src/storage/types.ts'

/** What workers share. */
export interface Shared {
  readonly engine: Engine
  readonly ephemeral: Ephemeral
  readonly clock: WallClock
}

/** A worker without what it serves. */
export interface WorkerNode {
  readonly cluster: WorkerCluster
  readonly storage: Storage
  /** As one that leaves in order. */
  close(): Promise<void>
  /** As one whose process ends at once. */
  kill(): Promise<void>
}

/** A storage process and its coordinator. */
export class WorkerNodes {
  readonly coordinator = new Coordinator()
  readonly #folder: string
  readonly #shared: Shared
  readonly #secret = randomBytes(32).toString('base64')
  #server: StorageServer | undefined
  #count = 0

  private constructor(folder: string, shared: Shared) {
    this.#folder = folder
    this.#shared = shared
  }

  static async open(shared: Shared): Promise<WorkerNodes> {
    // Short: a socket's path has 107 bytes at most.
    const nodes = new WorkerNodes(await mkdtemp(join(tmpdir(), 'tidings-workers-')), shared)
    const onClient: Coordinator['add'] = port => nodes.coordinator.add(port)
    nodes.#server = await StorageServer.open(nodes.#storage, { ...shared, onClient })
    return nodes
  }

  get #storage(): string {
    return join(this.#folder, 'storage')
  }

  /** Starts one more; it joins when it is served. */
  async add(faults: unknown[] = []): Promise<WorkerNode> {
    const node = `worker${++this.#count}`
    let cluster: WorkerCluster | undefined
    const { storage, tell } = await connectStorage({
      path: this.#storage,
      clock: this.#shared.clock,
      onTold: text => cluster?.told(text),
    })
    const fault = (trouble: unknown): void => void faults.push(trouble)
    const links = await Links.open({
      node,
      secret: this.#secret,
      listen: { path: join(this.#folder, node) },
      clock: systemClock,
      report: event => event.kind === 'failed' && fault(event.trouble),
      broken: fault,
    })
    cluster = new WorkerCluster({ links, node, tell, clock: systemClock, patience: 10_000, onFault: fault })
    return {
      cluster,
      storage,
      async close() {
        await cluster?.close()
        await storage.close()
      },
      async kill() {
        await links.close()
        await storage.close()
      },
    }
  }

  /** Resolves when no slot moves and all of these know where each is. */
  async settled(nodes: readonly WorkerNode[]): Promise<void> {
    await this.coordinator.settled()
    // Answers come behind what was told before.
    for (const { storage } of nodes) await storage.settled()
  }

  /** Ends the storage process; the engine stays. */
  async close(): Promise<void> {
    await this.#server?.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
