/** XEP-0198 §5: what is known of sessions that have ended with their server. */
import t from 'tap'
import { type Counted, HandledCounts } from '../../src/c2s/handled-counts.ts'
import { singleNode } from '../../src/cluster/single-node.ts'
import { Background } from '../../src/core/background.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Router } from '../../src/core/router.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'

const ALICE = JID.parse('alice@localhost')
const HOUR = 3_600_000

function setUp() {
  const clock = new ManualClock()
  const storage = memoryStorage({ clock })
  const background = new Background(silentLog)
  const router = { cluster: singleNode(), host: () => ({ storage }) } as unknown as Router
  /** As a process has them that starts now. */
  const counts = () => new HandledCounts(router, clock, background)
  const pass = async (ms: number) => {
    clock.advance(ms)
    await background.settled()
  }
  return { counts, pass }
}

const session = (id: string | undefined, h: number): Counted & { h: number } => ({ id, account: ALICE, h })

t.test('a second behind, and never ahead', async t => {
  const { counts, pass } = setUp()
  const server = counts()
  const one = session('one', 0)
  for (one.h = 1; one.h < 5; one.h++) server.grown(one)
  await pass(999)
  t.equal(await counts().find('one', ALICE), undefined)
  await pass(1)
  t.equal(await counts().find('one', ALICE), 5, 'what it is when it is stored')
  one.h = 7
  await pass(10_000)
  t.equal(await counts().find('one', ALICE), 5, 'nobody has said so')
  server.grown(one)
  await pass(1_000)
  t.equal(await counts().find('one', ALICE), 7)
})

t.test('many at once', async t => {
  const { counts, pass } = setUp()
  const server = counts()
  for (let i = 0; i < 1_234; i++) server.grown(session(`s${i}`, i))
  await pass(1_000)
  for (const i of [0, 499, 500, 1_233]) t.equal(await counts().find(`s${i}`, ALICE), i)
})

t.test('the end of a session is stored at once, for an hour', async t => {
  const { counts, pass } = setUp()
  const server = counts()
  const one = session('one', 3)
  server.grown(one)
  server.forget(one)
  await server.ended(one)
  t.equal(await counts().find('one', ALICE), 3)
  one.h = 1
  await pass(1_000)
  t.equal(await counts().find('one', ALICE), 3, 'it counts no more')
  await pass(HOUR)
  t.equal(await counts().find('one', ALICE), undefined)
})

t.test('only of sessions that can be resumed, and only for their account', async t => {
  const { counts, pass } = setUp()
  const server = counts()
  server.grown(session(undefined, 3))
  await pass(1_000)
  await server.ended(session('mine', 3))
  t.equal(await server.find('mine', JID.parse('bob@localhost')), undefined)
  t.equal(await server.find('', ALICE), undefined)
  t.equal(await server.find('x'.repeat(5_000), ALICE), undefined)
})
