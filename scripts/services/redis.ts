/**
 * Redis of Debian for tests and demonstrations: one server, a Cluster of three masters, or a master with a replica and three Sentinels; on
 * free ports of loopback, in a folder of their own, without persistence unless it is asked for. A server starts in some 50 ms.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const HOST = '127.0.0.1'
const START_MS = 30_000
/** Above this a Redis Cluster has no port for its bus, which is 10,000 higher. */
const MOST_CLUSTER_PORT = 55_535
/** The master that the Sentinels watch. */
const MASTER_NAME = 'tidings'

/** How to start Redis. */
export interface RedisOptions {
  /** Asked of all clients. */
  readonly password?: string
  /** Lines for the configuration of each server, such as `appendonly yes`. */
  readonly configuration?: readonly string[]
}

/** One server or Sentinel. */
export interface RedisProcess {
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** Sends it a signal: SIGSTOP freezes it, SIGKILL ends it. */
  signal(name: NodeJS.Signals): void
  /** Resolves when it has ended. */
  ended(): Promise<void>
  /** Starts it again, on the same port, after it was ended. */
  restart(): Promise<void>
  /** Has it run a command: `['set', 'key', 'value']`. Gives its answer as `redis-cli` prints it. */
  run(command: readonly string[]): string
}

/** All that was started together. */
export interface RedisService {
  readonly servers: readonly RedisProcess[]
  /** Empty unless it was started with Sentinels. */
  readonly sentinels: readonly RedisProcess[]
  /** The name that the Sentinels have for the master. */
  readonly masterName: string
  /** Ends it all and removes its folder. */
  stop(): Promise<void>
}

/** Starts one server. */
export function startRedis(options: RedisOptions = {}): Promise<RedisService> {
  return started(options, async group => {
    await group.server([])
  })
}

/** Starts a Cluster of three masters, which have all slots between them. */
export function startRedisCluster(options: RedisOptions = {}): Promise<RedisService> {
  return started(options, async group => {
    for (let i = 0; i < 3; i++)
      await group.server(['cluster-enabled yes', 'cluster-node-timeout 2000'], MOST_CLUSTER_PORT)
    const [first] = group.servers
    const addresses = group.servers.map(one => one.address)
    first!.run(['--cluster', 'create', ...addresses, '--cluster-yes'])
    for (const one of group.servers)
      await until(
        () => one.run(['cluster', 'info']).includes('cluster_state:ok'),
        `the Cluster at ${one.address}`,
      )
  })
}

/** Starts a master, its replica, and three Sentinels that make the replica the master when that does not answer for a second. */
export function startRedisSentinel(options: RedisOptions = {}): Promise<RedisService> {
  return started(options, async group => {
    const master = await group.server(['repl-diskless-sync-delay 0'])
    const replica = await group.server([`replicaof ${HOST} ${master.port}`])
    await until(() => replica.run(['info', 'replication']).includes('master_link_status:up'), 'the replica')
    for (let i = 0; i < 3; i++)
      await group.sentinel([
        `sentinel monitor ${MASTER_NAME} ${HOST} ${master.port} 2`,
        `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
        `sentinel failover-timeout ${MASTER_NAME} 5000`,
        ...(options.password === undefined
          ? []
          : [`sentinel auth-pass ${MASTER_NAME} ${quoted(options.password)}`]),
      ])
    for (const one of group.sentinels)
      await until(() => {
        const told = one.run(['sentinel', 'master', MASTER_NAME]).split(/\s+/)
        return (
          told[told.indexOf('num-other-sentinels') + 1] === '2' &&
          told[told.indexOf('num-slaves') + 1] === '1'
        )
      }, `the Sentinel at ${one.address}`)
  })
}

async function started(options: RedisOptions, start: (group: Group) => Promise<void>): Promise<RedisService> {
  install()
  const group = new Group(await mkdtemp(join(tmpdir(), 'tidings-redis-')), options)
  try {
    await start(group)
  } catch (error) {
    await group.stop()
    throw error
  }
  return group
}

/** Throws a sentence where Redis is not there and cannot be installed. */
function install(): void {
  if (spawnSync('redis-server', ['--version']).status === 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: readonly string[]): boolean =>
    spawnSync('apt-get', ['--quiet', ...args], { env }).status === 0
  // The server alone: the package of that name would also start one.
  const packages = ['redis-tools', 'redis-server']
  if (!apt('update') || !apt('install', '--yes', '--no-install-recommends', ...packages))
    throw new Error('there is no redis-server here: as root, apt-get install redis-server')
}

class Group implements RedisService {
  readonly servers: Process[] = []
  readonly sentinels: Process[] = []
  readonly masterName = MASTER_NAME
  readonly #folder: string
  readonly #options: RedisOptions

  constructor(folder: string, options: RedisOptions) {
    this.#folder = folder
    this.#options = options
  }

  async server(lines: readonly string[], mostPort?: number): Promise<Process> {
    const { password, configuration = [] } = this.#options
    const secret =
      password === undefined ? [] : [`requirepass ${quoted(password)}`, `masterauth ${quoted(password)}`]
    const server = await this.#start(['save ""', ...secret, ...configuration, ...lines], [], mostPort)
    this.servers.push(server)
    return server
  }

  async sentinel(lines: readonly string[]): Promise<void> {
    this.sentinels.push(await this.#start(lines, ['--sentinel']))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map(one => one.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #start(lines: readonly string[], args: readonly string[], mostPort?: number): Promise<Process> {
    const port = await freePort(mostPort)
    const folder = join(this.#folder, String(port))
    await mkdir(folder)
    const file = join(folder, 'redis.conf')
    await writeFile(file, [`port ${port}`, `bind ${HOST}`, `dir ${folder}`, ...lines, ''].join('\n'))
    const { password } = this.#options
    const started = new Process(port, [file, ...args], args.length > 0 ? undefined : password)
    await started.restart()
    return started
  }
}

class Process implements RedisProcess {
  readonly port: number
  readonly address: string
  readonly #args: readonly string[]
  readonly #password: string | undefined
  #child: ChildProcess | undefined

  constructor(port: number, args: readonly string[], password: string | undefined) {
    this.port = port
    this.address = `${HOST}:${port}`
    this.#args = args
    this.#password = password
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  async ended(): Promise<void> {
    const child = this.#child
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }

  async restart(): Promise<void> {
    await this.stop()
    const child = spawn('redis-server', this.#args, { stdio: 'ignore' })
    this.#child = child
    await once(child, 'spawn')
    await until(() => {
      if (child.exitCode !== null)
        throw new Error(`redis-server at ${this.address} ended with ${child.exitCode}`)
      return answers(this.port)
    }, `redis-server at ${this.address}`)
  }

  run(command: readonly string[]): string {
    const env = { ...process.env, ...(this.#password !== undefined && { REDISCLI_AUTH: this.#password }) }
    const args = ['-h', HOST, '-p', String(this.port), ...command]
    const { status, stdout, stderr } = spawnSync('redis-cli', args, { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`redis-cli ${command[0]} failed: ${stdout}${stderr}`)
    return stdout
  }

  async stop(): Promise<void> {
    const ended = this.ended()
    // A frozen one as well.
    this.#child?.kill('SIGKILL')
    await ended
  }
}

/** As an argument in a configuration file. */
function quoted(text: string): string {
  return JSON.stringify(text)
}

async function until(is: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + START_MS
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`${what} is not ready after ${START_MS / 1000} s`)
    await delay(20)
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, HOST)
  try {
    // `-NOAUTH` is an answer, too; `-LOADING` comes to an end.
    socket.write('PING\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return /^(\+PONG|-NOAUTH)/.test(answer.toString())
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(most = 65_535): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  try {
    // Another one is tried while this one is taken.
    return port <= most ? port : await freePort(most)
  } finally {
    server.close()
  }
}
