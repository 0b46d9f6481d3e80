import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'

const ENTRY = join(import.meta.dirname, '../../bin/tidings.js')

/** Accounts and configuration of a server that runs as a process of its own. */
export interface ServerProcessOptions {
  /** A user's unless it says otherwise. */
  readonly accounts: readonly (readonly [address: string, password: string, role?: 'admin'])[]
  /** In the shape of the configuration file; ports and the data folder are added. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Another program than that of this checkout, and another environment. */
export interface LaunchOptions {
  /** The script to run. Default: bin/tidings.js. */
  readonly entry?: string
  /** Options of Node. */
  readonly node?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** The server as people run it: bin/tidings.js with a configuration file, SQLite in a folder of its own, free ports. */
export class ServerProcess {
  /** The folder of everything that is kept. */
  readonly data: string
  private current: Ports
  private child: ChildProcess
  private readonly folder: string

  private constructor(child: ChildProcess, folder: string, ports: Ports) {
    this.child = child
    this.folder = folder
    this.data = join(folder, 'data')
    this.current = ports
  }

  get ports(): Ports {
    return this.current
  }

  /** Its processes that serve clients, where there are several. Linux alone tells. */
  get workers(): readonly number[] {
    const { pid } = this.child
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  }

  /** Starts it and makes the accounts. Resolves when it listens. */
  static async start({ accounts, config = {} }: ServerProcessOptions): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-process-'))
    const file = join(folder, 'tidings.yaml')
    const listener = { address: '127.0.0.1', port: 0 }
    const listeners = { xmpp: listener, 'xmpp-tls': listener, http: listener, metrics: false }
    await writeFile(file, stringify({ data: join(folder, 'data'), listeners, ...config }))
    const list = join(folder, 'accounts.csv')
    const users = accounts.filter(([, , role]) => role === undefined)
    await writeFile(list, users.map(account => `${account.join(',')}\n`).join(''))
    await run('user', 'import', list, '--config', file)
    for (const [address, password, role] of accounts)
      if (role !== undefined)
        await run('user', 'add', address, '--password', password, '--role', role, '--config', file)
    const child = launch(folder)
    return new ServerProcess(child, folder, await readPorts(child))
  }

  /** SIGTERM, and the exit code that follows. Harmless when it has ended. */
  async stop(): Promise<number | null> {
    const code = await this.end('SIGTERM')
    await rm(this.folder, { recursive: true, force: true })
    return code
  }

  /** Ends it, in order or at once, and leaves its data. Resolves with the exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = once(this.child, 'exit')
      this.child.kill(signal)
      await exit
    }
    return this.child.exitCode
  }

  /** Starts it again, on other ports, after it has ended. */
  async restart(options?: LaunchOptions): Promise<void> {
    this.child = launch(this.folder, options)
    this.current = await readPorts(this.child)
  }
}

/** The ports of the listeners. */
interface Ports {
  readonly tcp: number
  readonly tls: number
  readonly http: number
}

function launch(
  folder: string,
  { entry = ENTRY, node = [], env = process.env }: LaunchOptions = {},
): ChildProcess {
  const args = [...node, entry, 'start', '--config', join(folder, 'tidings.yaml')]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
}

/** The ports as the screen shows them. */
async function readPorts(child: ChildProcess): Promise<Ports> {
  let tcp: number | undefined
  let tls: number | undefined
  let http: number | undefined
  if (child.stdout === null) throw new Error('no standard output')
  for await (const line of createInterface(child.stdout)) {
    const port = Number(/ port (\d+),/.exec(line)?.[1])
    if (line.includes('STARTTLS')) tcp = port
    if (line.includes('direct TLS')) tls = port
    if (line.includes('WebSocket')) http = Number(/:(\d+)\//.exec(line)?.[1])
    if (tcp === undefined || tls === undefined || http === undefined) continue
    child.stdout.resume()
    return { tcp, tls, http }
  }
  throw new Error('the server ended before it listened')
}

async function run(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [ENTRY, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`tidings ${args.join(' ')} ended with ${code}`)
}
