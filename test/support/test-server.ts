import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Accounts, type Role } from '../../src/auth/accounts.ts'
import type { NewInvitationLinks } from '../../src/cli/control/protocol.ts'
import { SLOTS } from '../../src/cluster/slots.ts'
import { configFrom } from '../../src/config/load.ts'
import type { Drain, Drained } from '../../src/core/drain.ts'
import type { Place } from '../../src/core/extension.ts'
import type { Log } from '../../src/core/log.ts'
import type { Metrics } from '../../src/core/metrics.ts'
import { extensions } from '../../src/extensions/index.ts'
import { Invitations, type NewInvitation } from '../../src/extensions/invitations/index.ts'
import { startServer } from '../../src/main.ts'
import type { Server } from '../../src/server.ts'
import { Certificates } from '../../src/tls/certificates.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from './clock.ts'
import { FaultyStorage } from './faulty-storage.ts'
import { type Ground, type Kept, localGround, type Nodes, type Site } from './ground.ts'
import { randomNumbers } from './random.ts'

/** An account of a test; a user's unless it says otherwise. */
export type TestAccount = readonly [address: string, password: string, role?: Role]

/** What a server of a test is like. */
export interface TestServerOptions {
  /** 1: embedded; more: nodes of a cluster in memory, over one storage. */
  readonly nodes?: number
  /** Homes move between the nodes whenever `stir` is called: which ones and when follows from this number. */
  readonly moving?: number
  /** `memory` by default. */
  readonly storage?: Kept
  /** What the servers stand on, instead of such nodes and such a storage. */
  readonly ground?: (site: Site) => Promise<Ground>
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
  /** Nodes that have died: nobody waits for what they had begun. */
  private readonly dead = new Set<Server>()
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
    const { ground: laid = (site: Site) => localGround(nodes, options.storage ?? 'memory', site) } = options
    const ground = parts.adopt(await laid({ folder: data, clock }), one => one.close())
    const faulty = new FaultyStorage(ground.storage)
    const keeper = new Accounts(faulty.storage, { iterations, clock })
    for (const [address, password, role = 'user'] of accounts)
      await keeper.create(JID.parse(address), password, { role })
    const settings = configFrom(merge(CONFIG, config), { extensions, directory: data })
    const certificates = options.certificates ?? (await testCertificates())
    const launch = async (): Promise<Launched> => {
      const joined = await ground.launch()
      const servers: Server[] = []
      for (const { cluster, storage } of joined.all) {
        const beside = faulty.beside(storage).storage
        const given = { clock, storage: beside, cluster, certificates, control: false, ...(log && { log }) }
        servers.push(await startServer(settings, given))
      }
      await joined.served()
      return { servers, nodes: joined }
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

  /** A node dies, as far as the others see: its clients have to be cut off by the test. */
  kill(node: number): void {
    const { network } = this.launched.nodes
    if (network === undefined) throw new Error('only a node in memory can die')
    this.dead.add(this.servers[node]!)
    void network.kill(`node${node}`)
  }

  /** Keeps an owner's lane busy: what is to be done in it waits until the function is called that this gives. */
  hold(owner: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    const jid = JID.parse(owner)
    const home = this.servers.find(({ router }) => router.isHome(jid))
    void home?.router.homes.inLane(jid, () => promise)
    return resolve
  }

  /** Whether a node is the home of an owner. */
  isHome(node: number, owner: string): boolean {
    return this.servers[node]!.router.isHome(JID.parse(owner))
  }

  /** Makes an invitation to the first host and gives its token. */
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

  /** The first host, localhost unless the configuration says otherwise. */
  get domain(): string {
    return this.servers[0]!.hosts[0]!.domain
  }

  /** What the first node counts. */
  get metrics(): Metrics {
    return this.servers[0]!.metrics
  }

  /** Whether an extension claims a request for the first host. */
  readonly claims = (type: string, place: Place, namespace: string, name: string): boolean =>
    this.servers[0]?.hosts[0]?.hooks.claims.of(type, place, namespace, name) !== undefined

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
    for (let round = 0; round < 2; round++)
      for (const server of this.servers) if (!this.dead.has(server)) await server.settled()
  }

  /** Lets time pass. */
  async pass(milliseconds: number): Promise<void> {
    this.clock.advance(milliseconds)
    await this.settled()
  }

  /** Begins to stop: streams are closed with system-shutdown. `close` waits for the end. */
  stop(): void {
    this.stopping ??= this.stopAll()
    this.stopping.catch(() => {})
  }

  private async stopAll(): Promise<void> {
    const { servers, nodes } = this.launched
    nodes.stopping()
    const stopped = servers.map((server, i) => server.stop().then(() => nodes.all[i]!.leave()))
    await Promise.all(stopped.filter((_, i) => !this.dead.has(servers[i]!)))
  }

  /** Starts again over the same storage, on other ports. Clients must have gone, or go now. */
  async restart(): Promise<void> {
    this.stop()
    await this.stopping
    await this.launched.nodes.close()
    this.stopping = undefined
    this.launched = await this.launch()
  }

  /** Whether what a client begins takes so long, since homes move or all is far away, that the next one would not see it yet. */
  get takesTurns(): boolean {
    return this.random !== undefined || this.launched.nodes.far === true
  }

  /** Where homes move, perhaps begins to move some of them, now or a little later; nobody waits for that. */
  stir(): void {
    const { random } = this
    const { network } = this.launched.nodes
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
    await this.launched.nodes.close()
    await this.parts.disposeAsync()
  }
}

/** What runs, and what it runs on. */
interface Launched {
  readonly servers: readonly Server[]
  readonly nodes: Nodes
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
