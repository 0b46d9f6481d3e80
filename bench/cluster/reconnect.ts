/** A node dies with its clients, who all come to the others as fast as they can: bench/reconnect.ts for several nodes. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, insist } from '../clients.ts'
import { addressOf, type Talker, talk, told } from '../talk.ts'
import { alone } from './machine.ts'
import { Services, UNLIMITED, Whole } from './whole.ts'

/** Clients that stay and talk to each other, in pairs; they are at nodes that stay. */
const TALKERS = 40
const WIDTH = 32
const QUIET_MS = 5_000

/** What to play. */
export interface ReconnectOptions {
  readonly nodes: number
  /** On all nodes together. */
  readonly sessions: number
  /** `limits.sign-ins-per-second`: of each node. */
  readonly signIns: number
}

/** Kills one of the nodes, and prints how all come back. */
export async function reconnect({ nodes, sessions, signIns }: ReconnectOptions): Promise<void> {
  await using parts = new AsyncDisposableStack()
  const services = parts.adopt(await Services.start(), one => one.stop())
  const limits = { ...UNLIMITED, 'sign-ins-per-second': signIns }
  const users = sessions + TALKERS
  const whole = parts.adopt(await Whole.start(services, { nodes, users, archive: true, limits }), one =>
    one.stop(),
  )
  const staying = nodes - 1
  const talkers = await signInTalkers(whole, staying)
  const lost = await signInAll(whole, nodes, sessions)
  await alone(() => play(whole, { talkers, lost, staying }))
  for (const { client } of talkers) client.cut()
}

async function signInTalkers(whole: Whole, nodes: number): Promise<Talker[]> {
  const talkers: Talker[] = []
  for (let user = 0; user < TALKERS; user++) {
    const target = whole.target(user % nodes)
    const { client } = await insist(target, user)
    talkers.push({ client, address: addressOf(target, user) })
  }
  return talkers
}

/** Signs in all, each at the next node. Gives the users of the last node. */
async function signInAll(whole: Whole, nodes: number, sessions: number): Promise<number[]> {
  const targets = Array.from({ length: nodes }, (_, node) => whole.target(node))
  const lost: number[] = []
  let next = TALKERS
  const worker = async (): Promise<void> => {
    while (next < TALKERS + sessions) {
      const user = next++
      const { client } = await insist(targets[user % nodes]!, user)
      client.ignore()
      if (user % nodes === nodes - 1) lost.push(user)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return lost
}

interface Play {
  readonly talkers: readonly Talker[]
  /** Users of the node that dies, the last one. */
  readonly lost: readonly number[]
  /** How many nodes stay. */
  readonly staying: number
}

async function play(whole: Whole, { talkers, lost, staying }: Play): Promise<void> {
  const quiet = talk(talkers)
  await pause(QUIET_MS)
  quiet.stop()
  await pause(500)
  const during = talk(talkers)
  const targets = Array.from({ length: staying }, (_, node) => whole.target(node))
  await whole.cluster.nodes[staying]!.end('SIGKILL')
  const from = await whole.counts()
  const homes = whole.agreed(staying)
  const back = await Promise.all(
    lost.map(
      (user, n): Promise<{ client: Client; ms: number; refused: number }> =>
        insist(targets[n % staying]!, user),
    ),
  )
  const to = await whole.counts()
  const seconds = (to.at - from.at) / 1000
  const homesAfter = (await homes) / 1000
  // Those who wrote to a home that was dead get their answers.
  await pause(2_000)
  during.stop()
  const refused = back.reduce((total, one) => total + one.refused, 0)
  const each = (name: 'writes' | 'reads' | 'commands'): string =>
    ((to[name] - from[name]) / lost.length).toFixed(1)
  console.log(`${lost.length} of ${staying + 1} nodes' clients lost theirs; others' round trips before: ${told(quiet.waits)}
All slots have homes after ${homesAfter.toFixed(1)} s; all clients are back after ${seconds.toFixed(1)} s, each after ${told(back.map(({ ms }) => ms))}; told to come back ${refused} times
Per client: ${each('writes')} writes and ${each('reads')} reads of Cassandra, ${each('commands')} commands of Redis
CPU a second: nodes ${((to.nodes - from.nodes) / seconds).toFixed(2)} s, Cassandra ${((to.cassandra - from.cassandra) / seconds).toFixed(2)} s
Others' round trips meanwhile: ${told(during.waits)}`)
  for (const { client } of back) client.cut()
}
