/** A whole cluster on this machine, for tests and demonstrations: nodes as people run them (bin/tidings.js), over a Redis and a Cassandra that run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import type { Cassandra } from './cassandra.ts'
import type { RedisService } from './redis.ts'

const TIDINGS = join(import.meta.dirname, '../../bin/tidings.js')
const HERE = '127.0.0.1'

/** A part of a configuration file. */
type Settings = Readonly<Record<string, unknown>>

/** What one node has that others have not. */
export interface NodeOptions {
  /** `cluster.redis`, where it is another way than that of all: through a proxy. */
  readonly redis?: Settings
  /** Keys at the top of its configuration, in place of those of all. */
  readonly config?: Settings
  /** In addition to the environment of this process. */
  readonly env?: NodeJS.ProcessEnv
  /** Options of Node. */
  readonly node?: readonly string[]
}

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly redis: RedisService
  readonly cassandra: Cassandra
  /** How many nodes; 3 by default. */
  readonly nodes?: number
  /** The keyspace of its data, and what its keys in Redis begin with; `tidings` by default. */
  readonly name?: string
  /** The script of the server; bin/tidings.js by default. */
  readonly entry?: string
  /** Called for each node, with its number from 1 on. */
  readonly node?: (number: number) => NodeOptions
}

/** Nodes that are one server for localhost. What they log is in files of their own. */
export class ClusterProcesses {
  readonly redis: RedisService
  readonly cassandra: Cassandra
  readonly nodes: NodeProcess[] = []
  /** Of configurations, control sockets and logs. */
  readonly folder: string
  readonly #options: ClusterOptions
  readonly #secret = randomBytes(16).toString('hex')

  private constructor(options: ClusterOptions, folder: string) {
    this.#options = options
    this.redis = options.redis
    this.cassandra = options.cassandra
    this.folder = folder
  }

  /** Makes the keyspace and starts the nodes. Resolves when all of them listen. */
  static async start(options: ClusterOptions): Promise<ClusterProcesses> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-nodes-'))
    const cluster = new ClusterProcesses(options, folder)
    try {
      const count = options.nodes ?? 3
      for (let n = 0; n < count; n++) await cluster.#prepare()
      await cluster.nodes[0]!.run(['storage', 'migrate'])
      await Promise.all(cluster.nodes.map(node => node.start()))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** One more node, which joins. */
  async add(): Promise<NodeProcess> {
    const node = await this.#prepare()
    await node.start()
    return node
  }

  /** Nodes whose processes run; also a frozen one. */
  get running(): readonly NodeProcess[] {
    return this.nodes.filter(node => node.running)
  }

  /** Where a client that comes is led: to some node that takes clients, by chance. Throws if there is none. */
  somePort(): number {
    const open = this.nodes.filter(node => node.open)
    if (open.length === 0) throw new Error('no node takes clients')
    return open[Math.floor(Math.random() * open.length)]!.port
  }

  /** Ends all nodes, in order, and removes what they kept. Redis and Cassandra stay. */
  async stop(): Promise<void> {
    await Promise.all(
      this.running.map(async node => {
        // A frozen one as well.
        node.signal('SIGCONT')
        await node.end('SIGTERM')
      }),
    )
    await rm(this.folder, { recursive: true, force: true })
  }

  async #prepare(): Promise<NodeProcess> {
    const number = this.nodes.length + 1
    const own = this.#options.node?.(number) ?? {}
    const path = join(this.folder, `node${number}`)
    await writeFile(`${path}.yaml`, stringify({ ...this.#settings(path, own.redis), ...own.config }))
    const node = new NodeProcess(path, { entry: this.#options.entry ?? TIDINGS, ...own })
    this.nodes.push(node)
    return node
  }

  #settings(data: string, redis: Settings = redisSettings(this.redis)): Settings {
    const { name = 'tidings' } = this.#options
    const { nodes, port } = this.cassandra
    return {
      data,
      hosts: [{ name: 'localhost' }],
      listeners: {
        xmpp: { address: HERE, port: 0, tls: 'off' },
        'xmpp-tls': false,
        http: false,
        metrics: false,
      },
      storage: {
        kind: 'cassandra',
        cassandra: {
          'contact-points': nodes.map(({ address }) => `${address}:${port}`),
          replication: nodes.length,
          keyspace: name,
        },
      },
      cluster: {
        kind: 'redis',
        redis: { prefix: name, ...redis },
        links: { address: HERE, port: 0, secret: this.#secret },
      },
    }
  }
}

/** `cluster.redis` for what was started: a server, Sentinels, or a Redis Cluster. */
export function redisSettings({ servers, sentinels, masterName }: RedisService): Settings {
  if (sentinels.length > 0) return { sentinels: sentinels.map(({ address }) => address), master: masterName }
  if (servers.length > 1) return { nodes: servers.map(({ address }) => address) }
  return { address: servers[0]!.address }
}

/** What a node runs. */
interface Program extends Pick<NodeOptions, 'env' | 'node'> {
  readonly entry: string
}

/** A node that is a process. */
export class NodeProcess {
  /** Its configuration. */
  readonly config: string
  /** Its folder, with its control socket. */
  readonly data: string
  /** What it has logged, a line of JSON each, over all its lives. */
  readonly log: string
  readonly #options: Program
  #child: ChildProcess | undefined
  #port = 0
  /** Whether balancers lead clients here: set it to false while it is drained or frozen. */
  open = false

  constructor(path: string, options: Program) {
    this.data = path
    this.config = `${path}.yaml`
    this.log = `${path}.log`
    this.#options = options
  }

  /** Where clients connect, without TLS; another port after each start. */
  get port(): number {
    return this.#port
  }

  get running(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Of its process. Throws if there is none. */
  get pid(): number {
    if (!this.running) throw new Error(`${this.data} does not run`)
    return this.#child!.pid!
  }

  /** Starts it, or starts it again after its end. Resolves when it listens. */
  async start(): Promise<void> {
    const { entry, env = {}, node = [] } = this.#options
    // Straight to the file: a parent that is busy must not hold up who writes.
    const log = await open(this.log, 'a')
    const child = spawn(process.execPath, [...node, entry, 'start', '--config', this.config], {
      stdio: ['ignore', 'pipe', log.fd],
      env: { ...process.env, ...env },
    })
    await log.close()
    this.#child = child
    for await (const line of createInterface({ input: child.stdout! })) {
      const [, port] = / port (\d+)/.exec(line) ?? []
      if (port === undefined) continue
      this.#port = Number(port)
      child.stdout!.resume()
      this.open = true
      child.once('exit', () => {
        this.open = false
      })
      return
    }
    throw new Error(`a node has not started:\n${(await readFile(this.log, 'utf8')).slice(-2_000)}`)
  }

  /** Sends a signal: SIGSTOP freezes it, SIGCONT wakes it. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  /** Ends it, in order or at once; resolves with its exit code, null after SIGKILL. Harmless when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    const exit = once(child, 'exit')
    if (this.running) {
      child.kill(signal)
      await exit
    }
    return child.exitCode
  }

  /** Resolves with its exit code when it ends by itself. */
  async ended(): Promise<number | null> {
    if (this.running) await once(this.#child!, 'exit')
    return this.#child?.exitCode ?? null
  }

  /** Runs a command of `tidings` with its configuration: `['cluster']`. Gives what it printed; rejects unless the exit code is 0. */
  async run(args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [TIDINGS, ...args, '--config', this.config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let trouble = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      trouble += text
    })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`tidings ${args.join(' ')}: exit code ${code}\n${out}${trouble}`)
    return out
  }
}
