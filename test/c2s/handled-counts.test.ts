/** XEP-0198 §5: what is known of sessions that have ended with their server. */
import t from 'tap'
import { type Counted, HandledCounts } from '../../src/c2s/handled-counts.ts'
import { singleNode } from '../../src/cluster/single-node.ts'
import { Background } from '../../src/core/background.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Router } from '../../src/core/router.ts'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { storageOf } from '../../src/storage/front.ts'
import { memoryEngine } from '../../src/storage/memory.ts'
import { StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'

const ALICE = JID.parse('alice@localhost')
const HOUR = 3_600_000
const RESUME_MS = 300_000

/** `lasting`: whether short-lived values outlive their process, as in Redis. */
function setUp({ lasting = false } = {}) {
  const clock = new ManualClock()
  const ephemeral = new Proxy(memoryEphemeral(clock), {
    get: (target, name) => {
      if (name === 'lasting') return lasting
      if (name === 'set' && state.failing)
        return () => Promise.reject(new StorageError('unavailable', 'gone'))
      return Reflect.get(target, name).bind(target)
    },
  })
  const state = { failing: false }
  const storage = storageOf(memoryEngine({ clock }), ephemeral, clock)
  const background = new Background(silentLog)
  const router = { cluster: singleNode(), host: () => ({ storage }) } as unknown as Router
  /** As a process has them that starts now. */
  const counts = () => {
    const made = new HandledCounts(router, clock, background)
    made.resumeMs = RESUME_MS
    return made
  }
  const pass = async (ms: number) => {
    clock.advance(ms)
    await background.settled()
  }
  return { counts, pass, state }
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

t.test(
  'where values outlive their process, a record lives as long as its session may be resumed',
  async t => {
    const { counts, pass } = setUp({ lasting: true })
    const server = counts()
    const one = session('one', 3)
    server.grown(one)
    await pass(1_000)
    t.equal(await counts().find('one', ALICE), 3)
    t.equal(await counts().find('one', JID.parse('bob@localhost')), undefined)
    await pass(RESUME_MS - 1_000)
    server.left(one)
    await pass(1_000)
    t.equal(await counts().find('one', ALICE), 3, 'its time begins when its connection has gone')
    await pass(RESUME_MS)
    t.equal(await counts().find('one', ALICE), undefined)
    await server.ended(one)
    await pass(HOUR - 1)
    t.equal(await counts().find('one', ALICE), 3, 'of one that has ended it is told for an hour')
  },
)

t.test('what could not be recorded is so when there is Redis again', async t => {
  const { counts, pass, state } = setUp({ lasting: true })
  const server = counts()
  state.failing = true
  const [one, two] = [session('one', 3), session('two', 4)]
  server.grown(one)
  await server.ended(two)
  await pass(1_000)
  one.h = 5
  state.failing = false
  await pass(1_000)
  t.equal(await counts().find('one', ALICE), 5)
  t.equal(await counts().find('two', ALICE), undefined)
})

t.test('nobody writes again that a connection has gone where counts are in a table', async t => {
  const { counts, pass } = setUp()
  const server = counts()
  server.left(session('one', 3))
  await pass(1_000)
  t.equal(await counts().find('one', ALICE), undefined)
})
