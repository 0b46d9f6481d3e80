/** A whole cluster on this machine, for tests and demonstrations: nodes as people run them (bin/tidings.js), over a Redis and a Cassandra that run. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Cassandra } from './cassandra.ts'
import { NodeProcess, type Program } from './node-process.ts'
import type { RedisService } from './redis.ts'

export type { NodeProcess }

const HERE = '127.0.0.1'
/** Times that the keyspace is tried to be made once more. */
const MIGRATE_TRIES = 3

/** A part of a configuration file. */
type Settings = Readonly<Record<string, unknown>>

/** What one node has that others have not. */
export interface NodeOptions extends Pick<Program, 'env' | 'node'> {
  /** `cluster.redis`, where it is another way than that of all: through a proxy. */
  readonly redis?: Settings
  /** Keys at the top of its configuration, in place of those of all. */
  readonly config?: Settings
}

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly redis: RedisService
  readonly cassandra: Cassandra
  /** How many nodes; 3 by default. */
  readonly nodes?: number
  /** The keyspace of its data, and what its keys in Redis begin with; `tidings` by default. */
  readonly name?: string
  /** Another program than that of this checkout. */
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
      await cluster.#migrate()
      await Promise.all(cluster.nodes.map(node => node.start()))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** A Cassandra that has just started on a busy machine may not answer at once. */
  async #migrate(): Promise<void> {
    for (let left = MIGRATE_TRIES; ; left--)
      try {
        await this.nodes[0]!.run(['storage', 'migrate'])
        return
      } catch (error) {
        if (left === 0) throw error
      }
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
    const node = new NodeProcess(path, { entry: this.#options.entry, ...own })
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
