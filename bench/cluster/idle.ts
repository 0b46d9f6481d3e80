/** Memory of sessions whose home is one node and whose connection is at another, and of nodes while slots move. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, insist } from '../clients.ts'
import { residentOf } from './machine.ts'
import { Services, Whole } from './whole.ts'

const WIDTH = 32
/** Sessions that have come and gone before it is measured. */
const WARM = 400
const SETTLE_MS = 15_000
const SAMPLE_MS = 100

/** What to measure. */
export interface IdleOptions {
  /** Sizes of clusters; to those of more than one node another one is added then, and taken away. */
  readonly nodes: readonly number[]
  readonly sessions: number
}

/** Prints what a session takes on all nodes together, and the most that each node has while slots move. */
export async function idle({ nodes: sizes, sessions }: IdleOptions): Promise<void> {
  await using parts = new AsyncDisposableStack()
  const services = parts.adopt(await Services.start(), one => one.stop())
  for (const nodes of sizes) {
    const whole = await Whole.start(services, { nodes, users: sessions + WARM, archive: true })
    try {
      const clients = await fill(whole, nodes, sessions)
      if (nodes > 1) await move(whole, nodes)
      for (const client of clients) client.cut()
    } finally {
      await whole.stop()
    }
  }
}

async function fill(whole: Whole, nodes: number, sessions: number): Promise<Client[]> {
  for (const client of await signInSpread(whole, nodes, sessions, sessions + WARM)) client.cut()
  await pause(SETTLE_MS)
  const before = resident(whole)
  const clients = await signInSpread(whole, nodes, 0, sessions / 2)
  await pause(SETTLE_MS)
  const half = resident(whole)
  clients.push(...(await signInSpread(whole, nodes, sessions / 2, sessions)))
  await pause(SETTLE_MS)
  const after = resident(whole)
  const kib = (mib: number, count: number): string => ((mib * 1024) / count).toFixed(1)
  console.log(
    `${nodes} nodes, ${sessions} idle sessions: ${kib(total(after) - total(before), sessions)} KiB each, the second half ${kib(total(after) - total(half), sessions / 2)}; MiB before ${told(before)}, after ${told(after)}`,
  )
  return clients
}

/** Users from one number up to another, each at the next node. */
async function signInSpread(whole: Whole, nodes: number, from: number, to: number): Promise<Client[]> {
  const targets = Array.from({ length: nodes }, (_, node) => whole.target(node))
  const clients: Client[] = []
  let next = from
  const worker = async (): Promise<void> => {
    while (next < to) {
      const user = next++
      const { client } = await insist(targets[user % nodes]!, user)
      client.ignore()
      clients.push(client)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return clients
}

/** One more node comes, and goes. */
async function move(whole: Whole, nodes: number): Promise<void> {
  const added = await sampled(whole, async () => {
    await whole.cluster.add()
    return whole.agreed(nodes + 1)
  })
  console.log(`a node comes: ${added}`)
  await pause(SETTLE_MS)
  const last = whole.cluster.nodes[nodes]!
  const drained = await sampled(whole, async () => {
    await last.run(['drain', '--seconds', '1'])
    await last.end('SIGTERM')
    return whole.agreed(nodes)
  })
  console.log(`it is drained: ${drained}`)
}

/** What the nodes have before, at most meanwhile, and some time after. */
async function sampled(whole: Whole, task: () => Promise<number>): Promise<string> {
  const before = resident(whole)
  const most = [...before]
  const timer = setInterval(() => {
    for (const [n, mib] of resident(whole).entries()) most[n] = Math.max(most[n] ?? 0, mib)
  }, SAMPLE_MS)
  const start = performance.now()
  await task()
  const took = performance.now() - start
  await pause(SETTLE_MS)
  clearInterval(timer)
  return `after ${(took / 1000).toFixed(1)} s all have their slots; MiB before ${told(before)}, most ${told(most)}, after ${told(resident(whole))}`
}

function resident(whole: Whole): number[] {
  return whole.cluster.running.map(({ pid }) => residentOf(pid))
}

function total(mib: readonly number[]): number {
  return mib.reduce((all, one) => all + one, 0)
}

function told(mib: readonly number[]): string {
  return mib.map(one => one.toFixed(0)).join(' + ')
}
