/** What a message costs on one node and on several: the load generator of `npm run bench`, whose clients are spread over the nodes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { alone } from './machine.ts'
import { type Counts, Services, Whole } from './whole.ts'

const BENCH = process.env.TIDINGS_BENCH ?? join(import.meta.dirname, '../../../shared/bench')
const PAIRS = 100
/** s. */
const WARM_UP = 2
const DURATION = 6

/** What to measure. */
export interface ChatOptions {
  /** Sizes of clusters. */
  readonly nodes: readonly number[]
  readonly archive: boolean
  /** To measure several nodes also with each client at the node that is home to its account, instead of at any: fewer hops, all else alike. */
  readonly near: boolean
  /** Messages a second; undefined: as many as go through. */
  readonly rate: number | undefined
  readonly rounds: number
  /** Options of Node for the nodes: for profiles. */
  readonly node: readonly string[]
}

/** One round of one cluster. */
interface Measured {
  readonly nodes: number
  readonly near: boolean
  /** CPU, us per message. */
  readonly cpu: number
  readonly redis: number
  readonly cassandra: number
  /** Per message. */
  readonly frames: number
  readonly commands: number
  readonly writes: number
  readonly reads: number
  readonly perSecond: number
  /** ms. */
  readonly p50: number
  readonly p99: number
  /** Lost, repeated, out of order, damaged. */
  readonly wrong: number
}

/** Measures clusters of these sizes, in turn so many times; prints each round and the medians. */
export async function chat(options: ChatOptions): Promise<void> {
  if (!existsSync(join(BENCH, 'xmppload.mjs')))
    throw new Error(`no load generator in ${BENCH}: set TIDINGS_BENCH`)
  const { nodes: sizes, archive, near, rounds, node } = options
  await using parts = new AsyncDisposableStack()
  const services = parts.adopt(await Services.start(), one => one.stop())
  const clusters: Whole[] = []
  for (const nodes of sizes) {
    const whole = await Whole.start(services, { nodes, users: 2 * PAIRS, archive, node })
    clusters.push(parts.adopt(whole, one => one.stop()))
  }
  const all: Measured[] = []
  for (let round = 0; round <= rounds; round++)
    await alone(async () => {
      for (const whole of clusters)
        for (const atHome of near && whole.ports.length > 1 ? [false, true] : [false]) {
          const measured = await measure(whole, options, atHome)
          console.log(`${round === 0 ? 'warm-up' : `round ${round}`}: ${line(measured)}`)
          if (round > 0) all.push(measured)
        }
    })
  for (const alike of Map.groupBy(all, one => `${one.nodes} ${one.near}`).values())
    console.log(`median: ${line(median(alike))}`)
}

async function measure(whole: Whole, { archive, rate }: ChatOptions, near: boolean): Promise<Measured> {
  const target = join(whole.cluster.folder, 'target.json')
  await writeFile(target, JSON.stringify(whole.target()))
  const mode = rate === undefined ? 'window=4' : `mode=rate,rate=${rate}`
  const scenario = `chat${archive ? '+mam' : ''}:${mode},pairs=${PAIRS},warmup=${WARM_UP},duration=${DURATION}`
  const args = [
    '--import',
    join(import.meta.dirname, 'spread.ts'),
    join(BENCH, 'xmppload.mjs'),
    '--target',
    target,
    '--scenario',
    scenario,
  ]
  const ports = near ? await whole.portsOfHomes(2 * PAIRS) : whole.ports
  const env = { ...process.env, TIDINGS_BENCH_PORTS: ports.join(',') }
  const generator = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const told = text(generator.stdout)
  const ended = once(generator, 'exit')
  const [from, to] = await window(whole)
  const [code] = await ended
  if (code !== 0) throw new Error(`the load generator ended with ${code}`)
  const counted = measured(from, to, JSON.parse(await told))
  return { nodes: whole.cluster.nodes.length, near, ...counted }
}

/** The sums at two moments between which messages flow. */
async function window(whole: Whole): Promise<[from: Counts, to: Counts]> {
  const { messages } = await whole.counts()
  while ((await whole.counts()).messages < messages + PAIRS) await pause(200)
  await pause(WARM_UP * 1_000)
  const from = await whole.counts()
  await pause((DURATION - 1) * 1_000)
  return [from, await whole.counts()]
}

/** What the generator says, as far as it is used here. */
interface Told {
  readonly cpu_ms_per_1000: number
  readonly msgs_per_s: number
  readonly latency_ms: { readonly p50: number; readonly p99: number }
  readonly lost: number
  readonly duplicated: number
  readonly out_of_order: number
  readonly damaged_bodies: number
}

function measured(from: Counts, to: Counts, told: Told): Omit<Measured, 'nodes' | 'near'> {
  const messages = to.messages - from.messages
  const each = (name: keyof Counts): number => (to[name] - from[name]) / messages
  return {
    cpu: told.cpu_ms_per_1000,
    redis: each('redis') * 1e6,
    cassandra: each('cassandra') * 1e6,
    frames: each('frames'),
    commands: each('commands'),
    writes: each('writes'),
    reads: each('reads'),
    perSecond: told.msgs_per_s,
    p50: told.latency_ms.p50,
    p99: told.latency_ms.p99,
    wrong: told.lost + told.duplicated + told.out_of_order + told.damaged_bodies,
  }
}

function median(rounds: readonly Measured[]): Measured {
  const { nodes, near, ...counted } = rounds[0]!
  const of = (name: keyof typeof counted): number =>
    rounds.map(round => round[name]).sort((a, b) => a - b)[Math.floor(rounds.length / 2)]!
  const names = Object.keys(counted) as (keyof typeof counted)[]
  const medians = Object.fromEntries(names.map(name => [name, of(name)])) as typeof counted
  return { nodes, near, ...medians }
}

function line(one: Measured): string {
  const { nodes, near, cpu, redis, cassandra, frames, commands, writes, reads, perSecond, p50, p99, wrong } =
    one
  return `${nodes} nodes${near ? ', clients at their homes' : ''}: ${cpu.toFixed(1)} us of the nodes, ${redis.toFixed(1)} of Redis, ${cassandra.toFixed(0)} of Cassandra a message; ${frames.toFixed(2)} frames, ${commands.toFixed(4)} commands, ${writes.toFixed(2)} writes, ${reads.toFixed(3)} reads; ${perSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(0)} ms; wrong ${wrong}`
}
