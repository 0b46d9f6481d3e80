/** A process that serves clients: one of several, with the storage of their supervisor. */
import { Links } from '../cluster/links/links.ts'
import { WorkerCluster } from '../cluster/workers/worker.ts'
import type { Config } from '../config/config.ts'
import { systemClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { startServer } from '../main.ts'
import type { Server } from '../server.ts'
import { connectStorage, type SharedStorage } from '../storage/shared/open.ts'
import type { Assignment, OfSupervisor, OfWorker, Serving } from './asks.ts'
import { workerConfig } from './config.ts'
import { Peer } from './peer.ts'

/** How long somebody may be without a home, ms: a worker that died is missed at once, and what it knew is asked of the others. */
const PATIENCE = 10_000

/** What a worker gets from its command. */
export interface WorkerParts {
  readonly log: Log
  readonly read: () => Promise<Config>
  readonly setLogLevel: (level: string) => void
  /** Nothing is right any more: the process is to end, at once. */
  readonly onFault: (code: string, fault: unknown) => void
}

/** A worker that has been assigned. */
export interface Worker {
  /** Open connections of clients. */
  readonly connections: number
  /** Closes streams, gives its homes away, stores everything. */
  stop(): Promise<void>
}

/** Waits for the assignment, and serves. Rejects when it cannot; the supervisor knows then. */
export function startWorker(parts: WorkerParts): Promise<Worker> {
  return new Promise((resolve, reject) => {
    let running: Running | undefined
    let stopping = false
    const peer: Peer<OfSupervisor, OfWorker> = new Peer<OfSupervisor, OfWorker>(process, {
      async start(assignment) {
        try {
          const started = await start(assignment, parts, peer)
          running = started
          resolve({
            get connections() {
              return started.server.connections
            },
            async stop() {
              stopping = true
              await started.stop()
              process.disconnect?.()
            },
          })
          return started.serving
        } catch (error) {
          reject(error)
          throw error
        }
      },
      invitation: async () => running?.server.firstInvitation(),
      reload: async () => running!.server.reload(),
      drain: async wish => running!.server.drain(wish),
      metrics: async () => running!.metrics(),
    })
    // Whoever has lost its supervisor has lost its storage.
    process.on('disconnect', () => {
      if (!stopping) parts.onFault('TIDINGS_STORAGE_GONE', undefined)
    })
  })
}

interface Running extends Pick<Worker, 'stop'> {
  readonly server: Server
  readonly serving: Serving
  metrics(): Promise<string>
}

async function start(
  assignment: Assignment,
  parts: WorkerParts,
  peer: Peer<OfSupervisor, OfWorker>,
): Promise<Running> {
  const { log, read, setLogLevel, onFault } = parts
  const { number, ports, relays } = assignment
  await using opened = new AsyncDisposableStack()
  let cluster: WorkerCluster | undefined
  // Nothing is told before the cluster has joined.
  const shared = await connectStorage({
    path: assignment.storage,
    clock: systemClock,
    onTold: text => cluster?.told(text),
    onLost: error => onFault('TIDINGS_STORAGE_GONE', error),
  })
  opened.defer(() => shared.storage.close())
  cluster = opened.adopt(await joinWorkers(assignment, shared, parts), one => one.close())
  const config = workerConfig(await read(), ports)
  const server = await startServer(config, {
    log,
    storage: shared.storage,
    cluster,
    read: async () => workerConfig(await read(), ports),
    setLogLevel,
    control: number === 1,
    // A worker that ends is started again; the supervisor ends all of them.
    halt: again => process.kill(again ? process.pid : process.ppid, 'SIGTERM'),
    worker: {
      reload: () => peer.ask('reload', null),
      drain: wish => peer.ask('drain', wish),
      relay: { number, path: other => relays[other - 1] ?? '' },
    },
  })
  opened.defer(() => server.stop())
  const { certificates, warnings } = server
  const running = opened.move()
  let exposed: Promise<{ text(): Promise<string> }> | undefined
  return {
    server,
    serving: { ports: server.ports, certificates, warnings },
    async metrics() {
      exposed ??= import('../operations/exporter.ts').then(({ exposition }) => exposition(server.metrics))
      return (await exposed).text()
    },
    stop: () => running.disposeAsync(),
  }
}

async function joinWorkers(
  { node, links: path, secret }: Assignment,
  shared: SharedStorage,
  { log, onFault }: WorkerParts,
): Promise<WorkerCluster> {
  const fault = (trouble: unknown): void => onFault('TIDINGS_WORKER_FAULT', trouble)
  const links = await Links.open({
    node,
    secret,
    listen: { path },
    clock: systemClock,
    report(event) {
      // A worker that ends is told of by the supervisor.
      if (event.kind !== 'failed') return
      const { op, trouble } = event
      log.error(
        { code: 'TIDINGS_FRAME_FAILED', node: event.node, op, err: trouble },
        'a frame could not be handled',
      )
    },
    broken: other => fault(new Error(`worker ${other} takes nothing`)),
  })
  const clock = systemClock
  return new WorkerCluster({ links, node, tell: shared.tell, clock, patience: PATIENCE, onFault: fault })
}
