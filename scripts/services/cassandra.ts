/**
 * Cassandra 5.0 for tests and demonstrations, from Maven Central: one node, or a ring on 127.0.0.1, 127.0.0.2 ... A node starts in some five
 * seconds of CPU. The jars go into a cache folder of the user, once.
 */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { configuration, javaArguments, LOGGING, type NodePlan } from './cassandra-files.ts'

const VERSION = '5.0.8'
const POM = join(import.meta.dirname, 'cassandra-pom.xml')
/** The start of a node, on a machine that does other things, too. */
const START_MS = 180_000
/** The request OPTIONS of protocol 4 with an empty body, and the first byte of an answer. */
const OPTIONS = Buffer.from([0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00])
const ANSWER = 0x84

/** How to start Cassandra. */
export interface CassandraOptions {
  /** 1 by default. */
  readonly nodes?: number
  /** MiB for each node; 1,024 by default. */
  readonly heap?: number
}

/** One node that runs. */
export interface CassandraNode {
  readonly address: string
  readonly pid: number
  /** Sends a signal: SIGSTOP freezes it, SIGCONT wakes it, SIGKILL ends it at once. */
  signal(name: NodeJS.Signals): void
  /** Starts it again after its end, with the data that it had; resolves when it answers. */
  restart(): Promise<void>
}

/** Cassandra, running. */
export interface Cassandra {
  /** The first node's. */
  readonly address: string
  /** Of all nodes, for CQL. */
  readonly port: number
  readonly nodes: readonly CassandraNode[]
  /** Sends a signal to all nodes. */
  signal(name: NodeJS.Signals): void
  /** Ends all nodes and removes their data. */
  stop(): Promise<void>
}

/** Installs Cassandra where it is not there, starts it on free ports of loopback, waits until every node answers. */
export async function startCassandra(options: CassandraOptions = {}): Promise<Cassandra> {
  const { nodes: count = 1, heap = 1024 } = options
  const libraries = await installed()
  const ring = Array.from({ length: count }, (_, n) => `127.0.0.${n + 1}`)
  const ports = { cql: await freePort(ring), storage: await freePort(ring) }
  const folder = await mkdtemp(join(tmpdir(), 'tidings-cassandra-'))
  const nodes = ring.map((address, n) => {
    // Murmur3 tokens go from -2^63 to 2^63 - 1.
    const token = -(2n ** 63n) + (2n ** 64n * BigInt(n)) / BigInt(count)
    return new Node({ folder: join(folder, `${n + 1}`), address, ports, ring, token, heap }, libraries)
  })
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(node => node.end()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(nodes.map(node => node.start()))
    await Promise.all(nodes.map(node => node.sees(count)))
  } catch (error) {
    await stop()
    throw error
  }
  const signal = (name: NodeJS.Signals): void => nodes.forEach(node => void node.signal(name))
  return { address: ring[0]!, port: ports.cql, nodes, signal, stop }
}

class Node implements CassandraNode {
  readonly #plan: NodePlan
  readonly #libraries: string
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  /** Not before its parent: whatever ends this process ends its nodes. */
  readonly #last = (): void => void this.#child?.kill('SIGKILL')

  constructor(plan: NodePlan, libraries: string) {
    this.#plan = plan
    this.#libraries = libraries
  }

  get address(): string {
    return this.#plan.address
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the node does not run')
    return this.#child.pid
  }

  async start(): Promise<void> {
    const { folder } = this.#plan
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'cassandra.yaml'), configuration(this.#plan))
    await writeFile(join(folder, 'logback.xml'), LOGGING)
    // Straight to the file: a parent that is busy must not hold up who writes.
    const log = await open(this.#log, 'a')
    const stdio: StdioOptions = ['ignore', log.fd, log.fd]
    const child = spawn('java', javaArguments(this.#plan, this.#libraries), { stdio })
    this.#exited = once(child, 'exit')
    await log.close()
    this.#child = child
    process.once('exit', this.#last)
    await this.#answers(child)
  }

  get #log(): string {
    return join(this.#plan.folder, 'log')
  }

  async #answers(child: ChildProcess): Promise<void> {
    const { address, ports } = this.#plan
    for (
      const until = performance.now() + START_MS;
      !(await answersCql(address, ports.cql));
      await delay(100)
    ) {
      if (child.exitCode === null && child.signalCode === null && performance.now() < until) continue
      const log = await readFile(this.#log, 'utf8').catch(() => '')
      throw new Error(`Cassandra has not started at ${address}:\n${log.split('\n').slice(-15).join('\n')}`)
    }
  }

  /** Waits until its log says that it has seen all others. */
  async sees(count: number): Promise<void> {
    const seen = (log: string): number =>
      new Set(Array.from(log.matchAll(/\/(127\.0\.0\.\d+):\d+ is now UP/g), match => match[1])).size
    for (const until = performance.now() + START_MS; performance.now() < until; await delay(100))
      if (seen(await readFile(this.#log, 'utf8')) >= count - 1) return
    throw new Error(`the node of Cassandra at ${this.address} does not see the others`)
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  async restart(): Promise<void> {
    await this.#exited
    await this.start()
  }

  /** Ends it at once: nobody needs its data any more. */
  async end(): Promise<void> {
    process.off('exit', this.#last)
    this.#child?.kill('SIGKILL')
    await this.#exited
  }
}

/** The folder with Cassandra's jars; fetches them where they are not there. */
async function installed(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'tidings', `cassandra-${VERSION}`)
  if (existsSync(folder)) return folder
  for (const program of ['java', 'mvn'])
    if (spawnSync(program, ['-version']).status !== 0)
      throw new Error(`Cassandra needs Java 17 and Maven, and "${program}" is not there`)
  const fresh = `${folder}.${process.pid}`
  const { status, stdout } = spawnSync(
    'mvn',
    ['--batch-mode', '--quiet', '--file', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`Maven could not fetch Cassandra:\n${stdout}`)
  // Whole or not at all; somebody else may have been faster.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
  return folder
}

/** A port that is free at all of these addresses. */
async function freePort(addresses: readonly string[]): Promise<number> {
  for (;;) {
    const port = await tryPort(addresses[0]!, 0)
    const others = await Promise.all(addresses.slice(1).map(address => tryPort(address, port!)))
    if (!others.includes(undefined)) return port!
  }
}

async function tryPort(address: string, port: number): Promise<number | undefined> {
  const server = createServer().listen(port, address)
  const heard = await once(server, 'listening').then(
    () => server.address(),
    () => null,
  )
  if (heard === null || typeof heard === 'string') return undefined
  server.close()
  await once(server, 'close')
  return heard.port
}

/** Whether somebody speaks CQL there. */
async function answersCql(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address).setTimeout(2_000, () => socket.destroy(new Error('silent')))
  try {
    socket.write(OPTIONS)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes[0] === ANSWER
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
