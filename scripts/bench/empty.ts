/** Measures a server that has nothing to do: how long until it listens, how much memory it takes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import packageJson from '../../package.json' with { type: 'json' }

/** How long it is left alone before its memory is read, in ms. */
const QUIET_MS = 3_000
const PORT = 25_222
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Starts a server as `npm start` does, with the shipped settings, `rounds` times after a first one that makes its data; medians as text. */
export async function measureEmpty(scratch: string, rounds: number): Promise<string> {
  const directory = join(scratch, 'empty')
  mkdirSync(directory, { recursive: true })
  const config = join(directory, 'tidings.yaml')
  const settings = {
    log: { level: 'warn' },
    data: join(directory, 'data'),
    listeners: { xmpp: { port: PORT }, 'xmpp-tls': { port: PORT + 1 }, http: { port: PORT + 2 } },
  }
  writeFileSync(config, JSON.stringify(settings))
  await measureOnce(config)
  const runs = []
  for (let round = 0; round < rounds; round++) runs.push(await measureOnce(config))
  const listening = median(runs.map(run => run.listening))
  const memory = median(runs.map(run => run.memory))
  return `Empty server: listens after ${listening.toFixed(0)} ms, ${memory.toFixed(1)} MiB (median of ${rounds})`
}

async function measureOnce(config: string): Promise<{ listening: number; memory: number }> {
  const started = performance.now()
  const [, ...start] = packageJson.scripts.start.split(' ')
  const child = spawn(process.execPath, [...start, '--config', config], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    while (!(await answers())) if (child.exitCode !== null) throw new Error('the server did not start')
    const listening = performance.now() - started
    await pause(QUIET_MS)
    return { listening, memory: residentMiB(child) }
  } finally {
    child.kill()
    await new Promise(resolve => child.once('exit', resolve))
  }
}

function answers(): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(PORT, '127.0.0.1', () => resolve(socket.destroy().destroyed))
    socket.on('error', () => pause(2).then(() => resolve(false)))
  })
}

function residentMiB({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
