/**
 * Three nodes of Cassandra under load: one is killed and comes back, one is frozen for a while, and meanwhile the home of all owners moves
 * without a word to the former one. Whatever was acknowledged is there afterwards, once, in order, under numbers without a gap.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startCassandra } from '../../scripts/services/cassandra.ts'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'
import { migrateCassandra } from '../../src/storage/cassandra/migrate.ts'
import { openCassandra } from '../../src/storage/cassandra/open.ts'
import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { ALL_SLOTS, optionsOf, withoutCassandra } from '../support/cassandra.ts'
import { count, describe, type Losses, NONE } from './loss-count.ts'

const PAIRS = 8
/** Messages of each pair that are stored between two faults. */
const QUIET = 30
const FAULT_MS = 5_000
/** What a client waits before it sends again, ms. */
const AGAIN_MS = 20

/** Two who talk: what one has sent, and what was acknowledged. */
interface Talk {
  readonly from: JID
  readonly to: JID
  readonly sent: string[]
  readonly acknowledged: Set<string>
  refused: number
}

/** Pairs that talk as fast as they are answered. */
class Load {
  home: Storage
  readonly talks: readonly Talk[] = Array.from({ length: PAIRS }, (_, n) => ({
    from: JID.parse(`from${n}@example.org`),
    to: JID.parse(`to${n}@example.org`),
    sent: [],
    acknowledged: new Set<string>(),
    refused: 0,
  }))
  #stopped = false

  constructor(home: Storage) {
    this.home = home
  }

  async run(): Promise<void> {
    await Promise.all(this.talks.map(talk => this.#talk(talk)))
  }

  stop(): void {
    this.#stopped = true
  }

  /** Resolves when each pair has stored so many more. */
  async progress(more: number): Promise<void> {
    const goals = this.talks.map(talk => ({ talk, goal: talk.acknowledged.size + more }))
    while (goals.some(({ talk, goal }) => talk.acknowledged.size < goal)) await sleep(AGAIN_MS)
  }

  async #talk(talk: Talk): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const text = `message ${n}`
      talk.sent.push(text)
      // As a client does: what was refused is sent again, under the same id.
      while (!(await this.#send(talk, text))) {
        talk.refused++
        await sleep(AGAIN_MS)
      }
      talk.acknowledged.add(text)
    }
  }

  /** Whether it was acknowledged. */
  async #send({ from, to }: Talk, text: string): Promise<boolean> {
    const { home } = this
    const archive = home.archive('messages')
    const payload = Buffer.from(text)
    const unique = { key: text }
    const writes = [
      archive.append(from, { peer: to, payload, unique }),
      archive.append(to, { peer: from, payload, unread: true, unique }),
    ]
    return home.commit(writes).then(
      () => home === this.home,
      () => false,
    )
  }
}

const skip = withoutCassandra()
if (skip !== undefined) t.plan(0, skip)
else {
  t.setTimeout(300_000)
  const cassandra = await startCassandra({ nodes: 3, heap: 448 })
  t.teardown(() => cassandra.stop())
  const options = optionsOf(cassandra, 'ring')
  await migrateCassandra(options, 3)
  const open = () =>
    openCassandra({ cassandra: options, slots: { SLOTS, slotOf }, clock: { now: () => Date.now() } })
  const homes = [await open(), await open()]
  t.teardown(() => Promise.all(homes.map(home => home.close())))
  const load = new Load(homes[0]!)
  const takeOver = async (home: Storage): Promise<void> => {
    await home.fence!.take(ALL_SLOTS)
    home.fence!.extend(ALL_SLOTS, Number.POSITIVE_INFINITY)
    load.home = home
  }
  const [, second, third] = cassandra.nodes

  t.test('a node is killed, another one frozen, homes move: nothing is lost', async t => {
    await takeOver(homes[0]!)
    const running = load.run()
    await load.progress(QUIET)
    third!.signal('SIGKILL')
    await sleep(FAULT_MS)
    await takeOver(homes[1]!)
    await load.progress(QUIET)
    t.comment(`a node was killed, homes moved: ${told(load)}`)
    await third!.restart()
    await load.progress(QUIET)
    second!.signal('SIGSTOP')
    await sleep(FAULT_MS)
    await takeOver(homes[0]!)
    await load.progress(QUIET)
    t.comment(`a node was frozen, homes moved: ${told(load)}`)
    second!.signal('SIGCONT')
    await load.progress(QUIET)
    load.stop()
    await running
    const reader = await open()
    t.teardown(() => reader.close())
    const sum: { -readonly [K in keyof Losses]: number } = { ...NONE }
    for (const talk of load.talks) {
      const received = await texts(reader, talk.to)
      const own = await texts(reader, talk.from)
      for (const losses of [received, own].map(side => count(talk.sent, talk.acknowledged, side.texts)))
        for (const key of Object.keys(sum) as (keyof Losses)[]) sum[key] += losses[key]
      t.same(
        received.numbers,
        received.numbers.map((_, n) => n + 1),
        'numbers without a gap',
      )
    }
    t.same(sum, NONE, describe(sum))
    t.same(await reader.verify(), [])
    t.comment(`in both archives: ${describe(sum)}; ${told(load)}`)
  })
}

function told({ talks }: Load): string {
  const sum = (what: (talk: Talk) => number): number => talks.reduce((all, one) => all + what(one), 0)
  return `${sum(one => one.acknowledged.size)} acknowledged, ${sum(one => one.refused)} refused and sent again`
}

async function texts(reader: Storage, owner: JID): Promise<{ texts: string[]; numbers: number[] }> {
  const all: { texts: string[]; numbers: number[] } = { texts: [], numbers: [] }
  for (let after = 0n; ; ) {
    const { items, more } = await reader.archive('messages').page(owner, { after, limit: 1_000 })
    for (const { payload, sequence } of items) {
      all.texts.push(Buffer.from(payload).toString())
      all.numbers.push(sequence)
    }
    if (!more) return all
    after = items.at(-1)!.id
  }
}
