/**
 * A worker is killed (SIGKILL) while pairs of users write: whatever a sender has an acknowledgement for arrives, in order, and nobody sees
 * anything twice, though clients and homes are spread over the workers as it happens. `TIDINGS_FULL=1` runs 10 rounds, `TIDINGS_ROUNDS` so many.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { CountingClient } from '../support/counting-client.ts'
import { ServerProcess } from '../support/server-process.ts'
import { count, describe, type Losses } from './loss-count.ts'

const ROUNDS = Number(process.env.TIDINGS_ROUNDS ?? (process.env.TIDINGS_FULL === '1' ? 10 : 2))
const PAIRS = 6
/** Messages without an acknowledgement while a round goes on, per sender. */
const OPEN = 20
/** Most messages of a sender that are acknowledged before the kill. */
const MOST = 200
const AFTERWARDS = 20
const PASSWORD = 'secret'

t.setTimeout(60_000 + ROUNDS * 20_000)
const skip = process.platform === 'linux' ? false : 'only Linux tells which processes a server has'

/** Two who write to each other's archives: what the sender sent, and whether it goes on. */
interface Pair {
  readonly sender: CountingClient
  readonly recipient: CountingClient
  readonly to: string
  readonly sent: string[]
}

const listener = { address: '127.0.0.1', port: 0 }
const CONFIG = {
  workers: 3,
  listeners: { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': listener, http: listener, metrics: false },
}

const accounts = Array.from({ length: PAIRS }, (_, n) => [`alice${n}`, `bob${n}`])
  .flat()
  .map(name => [`${name}@localhost`, PASSWORD] as const)

async function pairs(t: Test, server: ServerProcess): Promise<Pair[]> {
  const client = (user: string): CountingClient => {
    const made = new CountingClient({ port: () => server.ports.tcp, user, password: PASSWORD, resource: 'r' })
    t.teardown(() => made.drop())
    return made
  }
  const made: Pair[] = []
  for (let n = 0; n < PAIRS; n++) {
    const [recipient, sender] = [client(`alice${n}`), client(`bob${n}`)]
    await recipient.connect('fetch')
    await sender.connect('anew')
    made.push({ sender, recipient, to: `alice${n}@localhost`, sent: [] })
  }
  return made
}

/** Writes until all is over, also while the connection is away. */
async function load(pair: Pair, round: number, going: () => boolean): Promise<void> {
  const { sender, to, sent } = pair
  while (going()) {
    while (sender.connected && sender.open < OPEN) {
      sent.push(`${round}-${sent.length}`)
      sender.send(to, sent.at(-1)!)
    }
    if (sender.connected) await sender.until(() => sender.open < OPEN || !sender.connected || !going())
    else await sleep(5)
  }
}

/** Comes again whenever the connection breaks; a worker that is about to die may take one more. */
async function staying(
  client: CountingClient,
  how: 'resume' | 'fetch',
  going: () => boolean,
): Promise<number> {
  let breaks = 0
  while (going()) {
    if (client.connected) {
      await client.until(() => !client.connected || !going(), 2_000).catch(() => {})
      continue
    }
    breaks++
    await client.connect(how).catch(() => client.drop())
  }
  return breaks
}

interface Round extends Losses {
  readonly acknowledged: number
  readonly breaks: number
  /** Messages that came back as errors: their senders know. */
  readonly refused: number
}

async function killOnce(t: Test, server: ServerProcess, round: number): Promise<Round> {
  const all = await pairs(t, server)
  let going = true
  const isGoing = (): boolean => going
  const kept = all.flatMap(({ sender, recipient }) => [
    staying(sender, 'resume', isGoing),
    staying(recipient, 'fetch', isGoing),
  ])
  let loading = true
  const loads = all.map(pair => load(pair, round, () => loading))
  const { sender } = all[round % PAIRS]!
  const target = Math.ceil(Math.random() * MOST)
  await sender.until(() => sender.acknowledged.size >= target)
  const before = server.workers
  process.kill(before[round % before.length]!, 'SIGKILL')
  const at = new Map(all.map(({ sender }) => [sender, sender.acknowledged.size]))
  for (const { sender } of all)
    await sender.until(() => sender.connected && sender.acknowledged.size >= at.get(sender)! + AFTERWARDS)
  loading = false
  await Promise.all(loads)
  for (const { sender } of all) await sender.allAcknowledged()
  for (const { recipient, sent } of all)
    await recipient.until(() => recipient.received.includes(sent.at(-1)!), 10_000).catch(() => {})
  going = false
  for (const { sender, recipient } of all) await Promise.all([sender.close(), recipient.close()])
  const breaks = (await Promise.all(kept)).reduce((sum, one) => sum + one, 0)
  return { ...fared(all, round), breaks }
}

/** How the messages of all pairs have fared. */
function fared(all: readonly Pair[], round: number): Omit<Round, 'breaks'> {
  const sum = { missing: 0, visible: 0, raw: 0, order: 0, acknowledged: 0, refused: 0 }
  for (const { sender, recipient, sent } of all) {
    const refused = new Set(sender.received)
    const kept = new Set([...sender.acknowledged].filter(id => !refused.has(id)))
    const ofRound = (ids: readonly string[]): string[] => ids.filter(id => id.startsWith(`${round}-`))
    const losses = count(sent, kept, ofRound(recipient.received), ofRound(recipient.shown.ids))
    for (const key of ['missing', 'visible', 'raw', 'order'] as const) sum[key] += losses[key]
    sum.acknowledged += kept.size
    sum.refused += refused.size
  }
  return sum
}

t.test('a worker is killed under load', { skip }, async t => {
  const server = await ServerProcess.start({ accounts, config: CONFIG })
  t.teardown(() => server.stop())
  const total = { missing: 0, visible: 0, raw: 0, order: 0, acknowledged: 0, breaks: 0, refused: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const losses = await killOnce(t, server, round)
    for (const key of Object.keys(total) as (keyof Round)[]) total[key] += losses[key]
    t.equal(losses.missing, 0, `round ${round}: nothing is missing`)
    t.equal(losses.visible, 0, `round ${round}: none is seen twice`)
    t.equal(losses.order, 0, `round ${round}: all in order`)
  }
  const { acknowledged, breaks, refused } = total
  t.comment(
    `${ROUNDS} rounds: ${describe(total)}, of ${acknowledged} acknowledged, ${refused} refused, ${breaks} broken connections`,
  )
  t.not(breaks, 0, 'somebody noticed')
  t.equal(await server.end('SIGTERM'), 0, 'ends in order')
})
