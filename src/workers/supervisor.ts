/** The process that starts the others: it has the storage and tells the workers who is home to whom. */
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFolder, openSharedEngine } from '../back-ends.ts'
import type { NewInvitationLinks } from '../cli/control/protocol.ts'
import { socketAddress } from '../cli/control/socket-path.ts'
import { Coordinator } from '../cluster/workers/coordinator.ts'
import type { Config } from '../config/config.ts'
import { systemClock } from '../core/clock.ts'
import type { Drain, Drained } from '../core/drain.ts'
import type { Log } from '../core/log.ts'
import { Metrics } from '../core/metrics.ts'
import { checkPorts, type Ports } from '../listen.ts'
import { openMonitor } from '../monitoring.ts'
import type { Changes } from '../operations/changes.ts'
import { memoryEphemeral } from '../storage/ephemeral.ts'
import { storageOf } from '../storage/front.ts'
import { StorageServer } from '../storage/shared/server.ts'
import type { Storage } from '../storage/types.ts'
import type { CertificateDescription } from '../tls/certificates.ts'
import type { Serving } from './asks.ts'
import { Child } from './child.ts'
import { workersOf } from './config.ts'

/** What a supervisor gets from its command. */
export interface SupervisorParts {
  readonly log: Log
  readonly read: () => Promise<Config>
  readonly setLogLevel: (level: string) => void
}

/** A running server of several processes. */
export interface Supervisor {
  readonly ports: Ports
  readonly certificates: readonly CertificateDescription[]
  readonly warnings: readonly string[]
  /** Its workers know that. */
  readonly connections?: undefined
  firstInvitation(): Promise<NewInvitationLinks | undefined>
  /** Has all workers read the configuration again. Rejects with a TidingsError when it can't be used. */
  reload(): Promise<Changes>
  /** Ends the workers, each in order, then the storage. */
  stop(): Promise<void>
}

/** Starts the storage, and the workers one after another: the first makes what is missing and takes the ports. */
export async function startWorkers(config: Config, parts: SupervisorParts): Promise<Supervisor> {
  const { log } = parts
  const warnings: string[] = []
  const warn = (code: string, text: string): void => {
    warnings.push(text)
    log.warn({ code }, text)
  }
  await using opened = new AsyncDisposableStack()
  const engine = await openSharedEngine(config, systemClock, log)
  const ephemeral = memoryEphemeral(systemClock)
  const storage = opened.adopt(storageOf(engine, ephemeral, systemClock), one => one.close())
  await checkFolder(config, warn)
  await checkPorts(config, log)
  const folder = await freshFolder(config)
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const coordinator = new Coordinator()
  const path = socketAddress(join(folder, 'storage.sock'))
  const onClient: Coordinator['add'] = port => coordinator.add(port)
  opened.adopt(await StorageServer.open(path, { engine, ephemeral, onClient }), one => one.close())
  const workers = new Workers(workersOf(config), folder, path, parts)
  opened.defer(async () => {
    coordinator.stop()
    await workers.stop()
  })
  const serving = await workers.start()
  const monitor = await monitored(config, { storage, workers, coordinator, warn })
  opened.defer(() => monitor.close())
  const running = opened.move()
  return {
    ports: { ...serving.ports, metrics: monitor.port },
    certificates: serving.certificates,
    warnings: [...warnings, ...serving.warnings],
    firstInvitation: () => workers.invitation(),
    reload: () => workers.reload(),
    stop: () => running.disposeAsync(),
  }
}

/** Where the sockets of this run are; what another left behind goes. */
async function freshFolder({ data }: Config): Promise<string> {
  const folder = join(data, 'workers')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** What is shown to the operator. */
interface Shown {
  readonly storage: Storage
  readonly workers: Workers
  readonly coordinator: Coordinator
  readonly warn: (code: string, text: string) => void
}

function monitored(config: Config, { storage, workers, coordinator, warn }: Shown) {
  const metrics = new Metrics(systemClock)
  const { count } = workers
  metrics.gauge('tidings_workers', 'Processes that serve clients', () => workers.serving)
  metrics.gauge(
    'tidings_worker_restarts',
    'Processes that ended and were started again',
    () => workers.restarts,
  )
  metrics.gauge('tidings_commits_waiting', 'Commits that are not stored yet', () => storage.waiting)
  for (let number = 1; number <= count; number++)
    metrics.gauge(
      'tidings_slots',
      'Slots of owners',
      () => coordinator.slots.get(workers.nodeOf(number)) ?? 0,
      {
        home: String(number),
      },
    )
  return openMonitor(config, {
    metrics,
    storage,
    clock: systemClock,
    warn,
    workers: () => workers.metrics(),
  })
}

/** The workers of a server. */
class Workers {
  readonly count: number
  readonly #parts: SupervisorParts
  readonly #children: readonly Child[]

  constructor(count: number, folder: string, storage: string, parts: SupervisorParts) {
    this.#parts = parts
    this.count = count
    const secret = randomBytes(32).toString('base64')
    const numbers = Array.from({ length: count }, (_, n) => n + 1)
    const relays = numbers.map(number => socketAddress(join(folder, `${number}.bosh`)))
    this.#children = numbers.map(
      number =>
        new Child({
          number,
          folder,
          storage,
          secret,
          relays,
          log: parts.log,
          clock: systemClock,
          answers: { reload: () => this.reload(), drain: wish => this.drain(wish) },
        }),
    )
  }

  /** Resolves when all serve. */
  async start(): Promise<Serving> {
    const [first, ...others] = this.#children
    const serving = await first!.start(undefined)
    await Promise.all(others.map(child => child.start(serving.ports)))
    return serving
  }

  invitation(): Promise<NewInvitationLinks | undefined> {
    return this.#children[0]!.ask('invitation', null)
  }

  async reload(): Promise<Changes> {
    const { read, setLogLevel } = this.#parts
    const [changes] = await Promise.all(this.#alive.map(child => child.ask('reload', null)))
    setLogLevel((await read()).log.level)
    return changes ?? { live: [], restart: [] }
  }

  async drain(wish: Drain): Promise<Drained> {
    const drained = await Promise.all(this.#alive.map(child => child.ask('drain', wish)))
    const sum = (of: keyof Drained): number => drained.reduce((sum, one) => sum + one[of], 0)
    return { connections: sum('connections'), forsaken: sum('forsaken') }
  }

  /** What each says of itself, by its number. Those that do not serve just now say nothing. */
  async metrics(): Promise<ReadonlyMap<string, string>> {
    const asked = this.#alive.map(async child => [child.name, await child.ask('metrics', null)] as const)
    const told = await Promise.allSettled(asked)
    return new Map(told.filter(one => one.status === 'fulfilled').map(({ value }) => value))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(child => child.stop()))
  }

  get serving(): number {
    return this.#alive.length
  }

  get restarts(): number {
    return this.#children.reduce((sum, child) => sum + child.restarts, 0)
  }

  nodeOf(number: number): string {
    return this.#children[number - 1]!.node
  }

  get #alive(): readonly Child[] {
    return this.#children.filter(child => child.serves)
  }
}
