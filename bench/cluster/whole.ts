/** Whole clusters for benchmarks: Redis, Cassandra and nodes, with accounts; and what all of them have done so far. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client as Driver } from 'cassandra-driver'
import { type Cassandra, startCassandra } from '../../scripts/services/cassandra.ts'
import { ClusterProcesses, redisSettings } from '../../scripts/services/cluster.ts'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import { askServer } from '../../src/cli/control/running.ts'
import { SlotTable } from '../../src/cluster/redis/slot-table.ts'
import { slotOf } from '../../src/cluster/slots.ts'
import { LIMITS } from '../../src/config/limits.ts'
import type { Target } from '../clients.ts'
import { cpuOf } from './machine.ts'

const HOST = '127.0.0.1'
const PASSWORD = 'pass'
const USER = 'user'
const DOMAIN = 'localhost'
const HEAP = 1_024
/** All limits off. */
export const UNLIMITED = Object.fromEntries(Object.keys(LIMITS.fields).map(name => [name, false]))

/** What a benchmark wants to have running. */
export interface WholeOptions {
  readonly nodes: number
  /** Accounts: user0, user1 ... */
  readonly users: number
  readonly archive: boolean
  /** In place of none. */
  readonly limits?: Readonly<Record<string, unknown>>
  /** Options of Node for the nodes. */
  readonly node?: readonly string[]
}

/** Sums since the start, of all nodes, Redis and Cassandra. */
export interface Counts {
  /** performance.now(), ms. */
  readonly at: number
  /** CPU, seconds. */
  readonly nodes: number
  readonly redis: number
  readonly cassandra: number
  /** Messages that clients were sent, and frames and answers between nodes. */
  readonly messages: number
  readonly frames: number
  /** Commands that Redis has run, those within scripts included. */
  readonly commands: number
  /** Mutations of a partition of a table, and reads, as Cassandra has counted them. */
  readonly writes: number
  readonly reads: number
}

/** Redis and Cassandra for clusters of several sizes. Cassandra takes long to start. */
export class Services {
  readonly cassandra: Cassandra
  readonly #driver: Driver
  #last = 0

  private constructor(cassandra: Cassandra, driver: Driver) {
    this.cassandra = cassandra
    this.#driver = driver
  }

  static async start(): Promise<Services> {
    const cassandra = await startCassandra({ heap: HEAP })
    const contactPoints = [`${cassandra.address}:${cassandra.port}`]
    const driver = new Driver({ contactPoints, localDataCenter: 'datacenter1' })
    await driver.connect()
    return new Services(cassandra, driver)
  }

  /** A name for another keyspace. */
  keyspace(): string {
    return `bench${++this.#last}`
  }

  /** How often the tables of a keyspace, and the log of batches, were written to and read. */
  async statements(keyspace: string): Promise<Pick<Counts, 'writes' | 'reads'>> {
    const sum = async (view: string): Promise<number> => {
      const { rows } = await this.#driver.execute(`SELECT * FROM system_views.${view}`)
      return rows
        .filter(row => row.keyspace_name === keyspace || row.table_name === 'batches')
        .reduce((total, row) => total + Number(row.count), 0)
    }
    return {
      writes: await sum('local_write_latency'),
      reads: (await sum('local_read_latency')) + (await sum('local_scan_latency')),
    }
  }

  async stop(): Promise<void> {
    await this.#driver.shutdown()
    await this.cassandra.stop()
  }
}

/** A cluster that serves `localhost`. */
export class Whole {
  readonly cluster: ClusterProcesses
  readonly #services: Services
  readonly #keyspace: string
  readonly #users: number
  readonly #redisPid: number
  /** Whatever ends this process ends them. */
  readonly #last = (): void => {
    for (const pid of [...this.pids, this.#redisPid]) process.kill(pid, 'SIGKILL')
  }

  private constructor(cluster: ClusterProcesses, services: Services, keyspace: string, users: number) {
    this.cluster = cluster
    this.#services = services
    this.#keyspace = keyspace
    this.#users = users
    this.#redisPid = Number(/process_id:(\d+)/.exec(this.#redis.run(['info', 'server']))?.[1])
    process.once('exit', this.#last)
  }

  /** Resolves when every slot has a home and the accounts are there. */
  static async start(services: Services, options: WholeOptions): Promise<Whole> {
    const { nodes, users, archive, limits = UNLIMITED, node = [] } = options
    const keyspace = services.keyspace()
    const redis = await startRedis()
    const cluster = await ClusterProcesses.start({
      redis,
      cassandra: services.cassandra,
      nodes,
      name: keyspace,
      node: () => ({ node, redis: redisSettings(redis), config: settings(archive, limits) }),
    })
    const whole = new Whole(cluster, services, keyspace, users)
    await whole.agreed(nodes)
    await whole.#import(users)
    return whole
  }

  get #redis(): RedisService['servers'][number] {
    return this.cluster.redis.servers[0]!
  }

  async #import(users: number): Promise<void> {
    const file = join(this.cluster.folder, 'users.csv')
    const lines = Array.from({ length: users }, (_, n) => `${USER}${n}@${DOMAIN},${PASSWORD}\n`)
    await writeFile(file, lines.join(''))
    for (let tries = 1; ; tries++)
      try {
        await this.cluster.nodes[0]!.run(['user', 'import', file, '--shared-salt'])
        return
      } catch (error) {
        // A busy machine: the accounts that are there already are refused the next time, and that is all.
        const busy = String(error).includes('TIDINGS_STORAGE_UNAVAILABLE')
        if (!busy && tries === 1) throw error
        if (!busy) return
      }
  }

  /** The processes of the nodes that run. */
  get pids(): number[] {
    return this.cluster.running.map(({ pid }) => pid)
  }

  get ports(): number[] {
    return this.cluster.running.map(({ port }) => port)
  }

  /** Where clients of the load generator, and those of bench/clients.ts, connect: to this node, the first one by default. */
  target(node = 0): Target & Readonly<Record<string, unknown>> {
    const { port } = this.cluster.nodes[node]!
    const accounts = { users: this.#users, userPrefix: USER, password: PASSWORD, sharedSalt: true, mam: true }
    return { name: 'tidings', host: HOST, port, domain: DOMAIN, pids: this.pids, ...accounts }
  }

  /** Which node is home to a user, by a name of its own, as Redis has it now; undefined for none. */
  homes(): (user: number) => string | undefined {
    const [key] = this.#redis.run(['keys', '*:slots']).split('\n')
    const table = new SlotTable(this.#redis.run(['get', key!]).trim())
    return user => table.holder(slotOf(`${USER}${user}@${DOMAIN}`))
  }

  /** The ports of the homes of users, from the first one on. */
  async portsOfHomes(users: number): Promise<number[]> {
    const ports = new Map<string, number>()
    for (const { data, port } of this.cluster.running) {
      const survey = (await askServer(data, { op: 'cluster' }))?.survey
      ports.set(survey!.nodes.find(({ own }) => own)!.node, port)
    }
    const homeOf = this.homes()
    return Array.from({ length: users }, (_, user) => ports.get(homeOf(user)!)!)
  }

  /** Resolves when a node that runs sees exactly so many, each with slots, and no slot is without a home; gives how long that took, ms. */
  async agreed(count: number): Promise<number> {
    const start = performance.now()
    for (;;) {
      const survey = (await askServer(this.cluster.running[0]!.data, { op: 'cluster' }))?.survey
      const all = survey?.nodes.length === count && survey.nodes.every(({ slots }) => slots > 0)
      if (all && survey.homeless === 0) return performance.now() - start
      await pause(50)
    }
  }

  /** All that was done until now. */
  async counts(): Promise<Counts> {
    const scraped = await Promise.all(this.cluster.running.map(({ data }) => scrape(data)))
    const sum = (name: string): number => scraped.reduce((total, text) => total + metricIn(text, name), 0)
    const commands = this.#redis.run(['info', 'commandstats']).matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)
    const statements = await this.#services.statements(this.#keyspace)
    return {
      at: performance.now(),
      nodes: this.pids.reduce((total, pid) => total + cpuOf(pid), 0),
      redis: cpuOf(this.#redisPid),
      cassandra: this.#services.cassandra.nodes.reduce((total, { pid }) => total + cpuOf(pid), 0),
      messages: sum('tidings_stanzas_total{direction="sent",kind="message"}'),
      frames: sum('tidings_frames_sent_total'),
      commands: commands.reduce((total, [, name, calls]) => total + (name === 'info' ? 0 : Number(calls)), 0),
      ...statements,
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#last)
    await this.cluster.stop()
    await this.cluster.redis.stop()
  }
}

function settings(archive: boolean, limits: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const place = { address: HOST, port: 0 }
  return {
    listeners: { xmpp: { ...place, tls: 'off' }, 'xmpp-tls': false, http: false, metrics: place },
    limits,
    extensions: archive ? {} : { archive: false, sequence: false, status: false },
    log: { level: 'warn' },
  }
}

async function scrape(data: string): Promise<string> {
  const port = (await askServer(data, { op: 'status' }))?.status?.ports.metrics
  return (await fetch(`http://${HOST}:${port}/metrics`)).text()
}

function metricIn(text: string, name: string): number {
  const line = text.split('\n').find(one => one.startsWith(`${name} `))
  return line === undefined ? 0 : Number(line.slice(name.length))
}
