import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Accounts, type Role } from '../../src/auth/accounts.ts'
import type { NewInvitationLinks } from '../../src/cli/control/protocol.ts'
import { LocalNetwork } from '../../src/cluster/local.ts'
import { singleNode } from '../../src/cluster/single-node.ts'
import { SLOTS } from '../../src/cluster/slots.ts'
import { configFrom } from '../../src/config/load.ts'
import type { Drain, Drained } from '../../src/core/drain.ts'
import type { Place } from '../../src/core/extension.ts'
import type { Log } from '../../src/core/log.ts'
import { extensions } from '../../src/extensions/index.ts'
import { Invitations, type NewInvitation } from '../../src/extensions/invitations/index.ts'
import { type Server, startServer } from '../../src/main.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { storageOf } from '../../src/storage/front.ts'
import { memoryEngine, memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite, openSqliteEngine } from '../../src/storage/sqlite/open.ts'
import type { Storage, WallClock } from '../../src/storage/types.ts'
import { Certificates } from '../../src/tls/certificates.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from './clock.ts'
import { FaultyStorage } from './faulty-storage.ts'
import { randomNumbers } from './random.ts'
import { type Shared, type WorkerNode, WorkerNodes } from './worker-nodes.ts'

/** An account of a test; a user's unless it says otherwise. */
export type TestAccount = readonly [address: string, password: string, role?: Role]

/** What a server of a test is like. */
export interface TestServerOptions {
  /** 1: embedded; more: nodes of a cluster in memory, over one storage. */
  readonly nodes?: number
  /** The nodes are workers: their storage is elsewhere, and they talk over sockets. */
  readonly workers?: boolean
  /** Homes move between the nodes whenever `stir` is called: which ones and when follows from this number. */
  readonly moving?: number
  /** `memory` by default; or what opens one. */
  readonly storage?: 'memory' | 'sqlite' | ((clock: WallClock) => Promise<Storage>)
  readonly accounts?: readonly TestAccount[]
  /** What a password costs (RFC 5802); one round where nothing is said, which real clients refuse. */
  readonly iterations?: number
  /** Configuration in the shape of the file, merged over that of all tests. */
  readonly config?: Readonly<Record<string, unknown>>
  /** One self-made pair for many servers: making it takes longer than most tests. Not closed with the server. */
  readonly certificates?: Certificates
  readonly log?: Log
}

/** Where a node listens. */
export interface NodePorts {
  readonly tcp: number
  readonly tls: number
  readonly http: number
}

/** What every test's server is configured with: free ports, passwords without TLS; no archive, whose ids no text of a test can foresee, and nothing that needs one. */
const CONFIG = {
  hosts: [{ name: 'localhost' }],
  extensions: { archive: false, sequence: false, status: false },
  // The clock stands still: a second would never be over.
  limits: { 'sign-ins-per-second': false },
  listeners: {
    xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' },
    'xmpp-tls': { address: '127.0.0.1', port: 0 },
    http: { address: '127.0.0.1', port: 0 },
    metrics: false,
  },
}

/** The real server in this process, with a clock that a test moves. */
export class TestServer {
  readonly clock: ManualClock
  private launched: Launched
  private readonly launch: () => Promise<Launched>
  private readonly random: (() => number) | undefined
  private readonly faulty: FaultyStorage
  private readonly parts: AsyncDisposableStack
  private stopping: Promise<void> | undefined

  private constructor(
    clock: ManualClock,
    faulty: FaultyStorage,
    launched: Launched,
    launch: () => Promise<Launched>,
    parts: AsyncDisposableStack,
    moving: number | undefined,
  ) {
    this.clock = clock
    this.faulty = faulty
    this.launched = launched
    this.launch = launch
    this.parts = parts
    this.random = moving === undefined ? undefined : randomNumbers(moving)
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const { nodes = 1, accounts = [], iterations = 1, config = {}, log } = options
    const clock = new ManualClock()
    await using parts = new AsyncDisposableStack()
    const data = await mkdtemp(join(tmpdir(), 'tidings-test-'))
    parts.defer(() => rm(data, { recursive: true, force: true }))
    const shared = options.workers ? await openShared(options.storage, data, clock) : undefined
    const opened = parts.adopt(
      shared === undefined
        ? await openStorage(options.storage, data, clock)
        : storageOf(shared.engine, shared.ephemeral, clock),
      one => one.close(),
    )
    const faulty = new FaultyStorage(opened)
    const { storage } = faulty
    const keeper = new Accounts(storage, { iterations })
    for (const [address, password, role = 'user'] of accounts)
      await keeper.create(JID.parse(address), password, { role })
    const settings = configFrom(merge(CONFIG, config), { extensions, directory: data })
    const certificates = options.certificates ?? (await testCertificates())
    const launchWorkers = async (shared: Shared): Promise<Launched> => {
      const workers = await WorkerNodes.open(shared)
      const joined: WorkerNode[] = []
      const servers: Server[] = []
      for (let i = 0; i < nodes; i++) {
        const node = await workers.add()
        joined.push(node)
        const { storage } = faulty.beside(node.storage)
        const given = {
          clock,
          storage,
          cluster: node.cluster,
          certificates,
          control: false,
          ...(log && { log }),
        }
        servers.push(await startServer(settings, given))
      }
      await workers.settled(joined)
      const stop = async (): Promise<void> => {
        workers.coordinator.stop()
        await Promise.all(servers.map((server, i) => server.stop().then(() => joined[i]!.cluster.close())))
      }
      const close = async (): Promise<void> => {
        for (const { storage } of joined) await storage.close()
        await workers.close()
      }
      return { servers, network: undefined, stop, close }
    }
    const launch = async (): Promise<Launched> => {
      if (shared !== undefined) return launchWorkers(shared)
      const network = new LocalNetwork()
      const clusters =
        nodes === 1 ? [singleNode()] : Array.from({ length: nodes }, (_, i) => network.join(`node${i}`))
      const servers: Server[] = []
      for (const cluster of clusters) {
        const given = { clock, storage, cluster, certificates, control: false, ...(log && { log }) }
        servers.push(await startServer(settings, given))
      }
      const stop = async () => void (await Promise.all(servers.map(server => server.stop())))
      return { servers, network, stop, close: async () => {} }
    }
    return new TestServer(clock, faulty, await launch(), launch, parts.move(), options.moving)
  }

  private get servers(): readonly Server[] {
    return this.launched.servers
  }

  /** One entry per node. */
  get ports(): readonly NodePorts[] {
    return this.servers.map(({ ports }) => ({
      tcp: ports.xmpp ?? 0,
      tls: ports['xmpp-tls'] ?? 0,
      http: ports.http ?? 0,
    }))
  }

  /** Whether the storage refuses whatever reads or stores. */
  set storageFails(fails: boolean) {
    this.faulty.failing = fails
  }

  /** Has a node send away what it has. */
  drain(node: number, drain: Drain): Promise<Drained> {
    return this.servers[node]!.drain(drain)
  }

  /** Makes an invitation to localhost and gives its token. */
  async invite(wanted: NewInvitation): Promise<string> {
    const { storage, jid } = this.servers[0]!.hosts[0]!
    return (await new Invitations(storage, this.clock, jid).create(wanted)).token
  }

  /** What a server without accounts invites the first people with. */
  firstInvitation(): Promise<NewInvitationLinks | undefined> {
    return this.servers[0]!.firstInvitation()
  }

  /** Where external components connect, one entry per node. */
  get componentPorts(): readonly number[] {
    return this.servers.map(({ componentPort }) => componentPort ?? 0)
  }

  /** Whether an extension claims a request for localhost. */
  readonly claims = (type: string, place: Place, namespace: string, name: string): boolean =>
    this.servers[0]?.hosts[0]?.hooks.claim(type, place, namespace, name) !== undefined

  /** Bound sessions on all nodes. */
  get sessions(): number {
    return this.servers.reduce((sum, { router }) => sum + router.homes.sessions, 0)
  }

  /** Connections of clients, on all nodes. */
  get connections(): number {
    return this.servers.reduce((sum, { connections }) => sum + connections, 0)
  }

  /** Resolves when all that has reached the server is handled, on every node. */
  async settled(): Promise<void> {
    // What one node has sent to another last is handled there in the second round.
    for (let round = 0; round < 2; round++) for (const server of this.servers) await server.settled()
  }

  /** Lets time pass. */
  async pass(milliseconds: number): Promise<void> {
    this.clock.advance(milliseconds)
    await this.settled()
  }

  /** Begins to stop: streams are closed with system-shutdown. `close` waits for the end. */
  stop(): void {
    this.stopping ??= this.launched.stop()
    this.stopping.catch(() => {})
  }

  /** Starts again over the same storage, on other ports. Clients must have gone, or go now. */
  async restart(): Promise<void> {
    this.stop()
    await this.stopping
    await this.launched.close()
    this.stopping = undefined
    this.launched = await this.launch()
  }

  /** Whether homes move. */
  get stirs(): boolean {
    return this.random !== undefined
  }

  /** Where homes move, perhaps begins to move some of them, now or a little later; nobody waits for that. */
  stir(): void {
    const { random } = this
    const { network } = this.launched
    if (random === undefined || network === undefined || random() < 0.3) return
    const bits = Array.from({ length: 8 }, () => random() < 0.5)
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(slot => bits[slot % bits.length])
    const to = network.nodes[Math.floor(random() * network.nodes.length)] as string
    void after(Math.floor(random() * 12)).then(() => network.move(slots, to))
  }

  /** Stops and lets go of everything. Clients must have gone, or go now. */
  async close(): Promise<void> {
    this.stop()
    await this.stopping
    await this.launched.close()
    await this.parts.disposeAsync()
  }
}

/** What runs, and what joins it. */
interface Launched {
  readonly servers: readonly Server[]
  readonly network: LocalNetwork | undefined
  stop(): Promise<void>
  /** What is left when all have stopped. */
  close(): Promise<void>
}

/** So many turns of the event loop later. */
async function after(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate)
}

/** A self-made certificate for localhost. */
export async function testCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-test-certificate-'))
  const opened = await Certificates.open({ hosts: [{ name: 'localhost' }], directory, watch: false })
  await rm(directory, { recursive: true, force: true })
  return opened
}

/** What workers share. */
async function openShared(
  kind: TestServerOptions['storage'],
  folder: string,
  clock: ManualClock,
): Promise<Shared> {
  const engine = kind === 'sqlite' ? await openSqliteEngine({ folder, clock }) : memoryEngine({ clock })
  return { engine, ephemeral: memoryEphemeral(clock), clock }
}

function openStorage(
  kind: TestServerOptions['storage'] = 'memory',
  data: string,
  clock: ManualClock,
): Storage | Promise<Storage> {
  if (typeof kind === 'function') return kind(clock)
  return kind === 'memory' ? memoryStorage({ clock }) : openSqlite({ folder: data, clock })
}

type Tree = Readonly<Record<string, unknown>>

/** `over` wins, key by key. */
function merge(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    merged[key] = isTree(below) && isTree(value) ? merge(below, value) : value
  }
  return merged
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
