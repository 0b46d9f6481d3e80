/** The server as a process that a test or a demonstration starts, signals, ends and starts again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const TIDINGS = join(import.meta.dirname, '../../bin/tidings.js')

/** What a node runs. */
export interface Program {
  /** The script; bin/tidings.js by default. */
  readonly entry?: string | undefined
  /** In addition to the environment of this process. */
  readonly env?: NodeJS.ProcessEnv
  /** Options of Node. */
  readonly node?: readonly string[]
}

/** A node that is a process. */
export class NodeProcess {
  /** Its configuration. */
  readonly config: string
  /** Its folder, with its control socket. */
  readonly data: string
  /** What it has logged, a line of JSON each, over all its lives. */
  readonly log: string
  readonly #program: Program
  #child: ChildProcess | undefined
  #port = 0
  /** Whether balancers lead clients here: set it to false while it is drained or frozen. */
  open = false

  /** `path`: its folder; with `.yaml` its configuration, which is there already, and with `.log` its log. */
  constructor(path: string, program: Program = {}) {
    this.data = path
    this.config = `${path}.yaml`
    this.log = `${path}.log`
    this.#program = program
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
    const { entry = TIDINGS, env = {}, node = [] } = this.#program
    // Straight to the file: a parent that is busy must not hold up who writes.
    const log = await open(this.log, 'a')
    const child = spawn(process.execPath, [...node, entry, 'start', '--config', this.config], {
      stdio: ['ignore', 'pipe', log.fd],
      env: { ...process.env, ...env },
    })
    await log.close()
    this.#child = child
    // Not before its parent: whatever ends this process ends its nodes.
    const last = (): void => void child.kill('SIGKILL')
    process.once('exit', last)
    child.once('exit', () => process.off('exit', last))
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
