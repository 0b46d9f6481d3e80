import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'

const ENTRY = join(import.meta.dirname, '../../bin/tidings.js')

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A process of `tidings` that is running. */
export interface Running {
  readonly child: ChildProcess
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>
  /** Waits for text on standard output or standard error. Rejects when the process ends without it. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
}

/** How to start it. */
export interface RunOptions {
  /** What standard input holds; absent: nothing. */
  readonly input?: string
  readonly cwd?: string
  /** The executable of Node. Default: the one of the test. */
  readonly node?: string
  /** The script to run. Default: bin/tidings.js. */
  readonly entry?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Starts `tidings` with these arguments. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const { node = process.execPath, entry = ENTRY, cwd, env = process.env, input } = options
  const child = spawn(node, [entry, ...args], { stdio: 'pipe', env, ...(cwd && { cwd }) })
  const text = { out: '', err: '' }
  let changed = Promise.withResolvers<void>()
  let over = false
  const change = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const collect = (into: 'out' | 'err') => (chunk: string) => {
    text[into] += chunk
    change()
  }
  child.stdout.setEncoding('utf8').on('data', collect('out'))
  child.stderr.setEncoding('utf8').on('data', collect('err'))
  // A command that does not read its input may be gone before it is written.
  child.stdin.on('error', () => {}).end(input ?? '')
  const ended = once(child, 'close').then(([code]): Ended => {
    over = true
    change()
    return { code: code as number | null, ...text }
  })
  const saw = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(text.out) ?? pattern.exec(text.err)
      if (match !== null) return match
      if (over) throw new Error(`no ${pattern} in:\n${text.out}${text.err}`)
      await changed.promise
    }
  }
  return { child, ended, saw }
}

/** Runs `tidings` to its end. */
export function tidings(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return start(args, options).ended
}

/** A folder of its own with a configuration for free ports of loopback; gone when the test ends. */
export async function configured(t: Test, more: Readonly<Record<string, unknown>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-cli-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const listener = { address: '127.0.0.1', port: 0 }
  const data = join(folder, 'data')
  const config = join(folder, 'tidings.yaml')
  const listeners = {
    xmpp: { ...listener, tls: 'offered' },
    'xmpp-tls': listener,
    http: false,
    metrics: listener,
  }
  await writeFile(config, stringify({ data, listeners, ...more }))
  return { folder, data, config }
}

/** Starts a server; resolves when it listens, with the port of its plain listener. It is ended with the test. */
export async function serve(t: Test, config: string, options?: RunOptions) {
  const server = start(['start', '--config', config], options)
  t.teardown(async () => {
    server.child.kill('SIGKILL')
    await server.ended
  })
  const [, port] = await server.saw(/port (\d+), STARTTLS.*Ctrl-C/s)
  return { ...server, port: Number(port) }
}
