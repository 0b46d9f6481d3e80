import fc from 'fast-check'
import t from 'tap'
import { defineExtension, type Extension, stage } from '../../src/core/extension.ts'
import hints from '../../src/extensions/hints.ts'
import offline from '../../src/extensions/offline/index.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const bob = JID.parse('bob@localhost')

const body = (text: string) => xml('body', {}, text)
const priority = (value: number) => xml('priority', {}, String(value))
const state = (name: string) => xml(name, { xmlns: NS.chatStates })
const hint = (name: string) => xml(name, { xmlns: NS.hints })

/** Gives each message to bob something to commit, as an archive does. */
const archive = defineExtension({
  name: 'archive',
  doc: 'archives',
  setup: host => ({
    stages: [
      stage('record', { kind: 'message', side: 'recipient' }, async ({ from }, { owner }) => {
        await host.ids.ready()
        return [host.storage.archive('test').append(owner, { peer: from, payload: Buffer.from('message') })]
      }),
    ],
  }),
})

function server(options: { nodes?: number; most?: number; days?: number; with?: Extension } = {}) {
  const clock = new ManualClock()
  const { nodes = 1, most = 1_000, days = 7 } = options
  const running = core({
    nodes,
    clock,
    extensions: [hints, offline, ...(options.with === undefined ? [] : [options.with])],
    options: { offline: { 'messages-per-user': most, days } },
  })
  const kept = async (owner = bob) => (await running.storage.table('offline', 'lww').page(owner)).items.length
  return { ...running, clock, kept }
}

/** Sends bob a chat message; more attributes and other children as given. */
function write(
  from: TestSession,
  text: string,
  attributes: Record<string, string> = {},
  ...children: Element[]
): Promise<void> {
  return from.send(
    'message',
    { to: 'bob@localhost', type: 'chat', ...attributes },
    ...(text === '' ? [] : [body(text)]),
    ...children,
  )
}

const bodies = (session: TestSession) => session.received.map(text => /<body>(.*)<\/body>/.exec(text)?.[1])
const conditions = (session: TestSession) =>
  session.received.map(text => /<error type="(\w+)"><([\w-]+)/.exec(text)?.slice(1).join(' '))

// XEP-0160 §2: the process flow.
t.test(
  'what is sent to nobody is stored before it is acknowledged, and handed out in order, once',
  async t => {
    for (const nodes of [1, 2, 3]) {
      const { session, settled, kept, clock } = server({ nodes })
      const alice = await session('alice', 'a')
      const carol = await session('carol', 'c', nodes - 1)
      await write(alice, 'one')
      t.equal(await kept(), 1, 'send() resolves when the message may be acknowledged')
      clock.advance(MINUTE)
      await carol.send('message', { to: 'bob@localhost' }, body('two'))
      clock.advance(MINUTE)
      await write(alice, 'three', { to: 'bob@localhost/gone' })
      t.equal(await kept(), 3)

      const phone = await session('bob', 'phone', nodes - 1)
      t.same(phone.received, [], 'nothing before it is available')
      await phone.send('presence', {})
      await settled()
      t.same(bodies(phone), ['one', 'two', 'three'])
      t.match(phone.received[0], /to="bob@localhost" from="alice@localhost\/a" type="chat"/)
      t.ok(
        phone.received[0]?.endsWith(
          '<delay xmlns="urn:xmpp:delay" from="localhost" stamp="2026-01-01T00:00:00.000Z">Offline Storage</delay></message>',
        ),
      )
      t.match(phone.received[1], /stamp="2026-01-01T00:01:00.000Z"/)
      t.match(phone.received[2], /to="bob@localhost\/gone"/)
      t.equal(await kept(), 0)

      const laptop = await session('bob', 'laptop')
      await laptop.send('presence', {})
      await phone.send('presence', {}, priority(3))
      await settled()
      t.equal(phone.received.length, 3)
      t.same(laptop.received, [])
      t.same(alice.received, [])
    }
  },
)

// XEP-0160 §2 step 2: "available resources that have specified a negative presence priority shall never receive message stanzas".
t.test('a resource of negative priority gets nothing, until it raises its priority', async t => {
  const { session, settled, kept } = server()
  const alice = await session('alice', 'a')
  const phone = await session('bob', 'phone')
  await phone.send('presence', {}, priority(-1))
  await write(alice, 'hi')
  await settled()
  t.same(phone.received, [])
  t.equal(await kept(), 1)
  await phone.send('presence', {}, priority(0))
  await settled()
  t.same(bodies(phone), ['hi'])
})

t.test(
  'a message to the full address of a resource that is there, available or not, is not kept',
  async t => {
    const { session, settled, kept } = server()
    const alice = await session('alice', 'a')
    const phone = await session('bob', 'phone')
    await write(alice, 'hi', { to: 'bob@localhost/phone' })
    await settled()
    t.same(bodies(phone), ['hi'])
    t.equal(await kept(), 0)
  },
)

// XEP-0160 §3, RFC 6121 §8.5.2.2.1, §8.5.3.2.1.
t.test('only normal and chat messages are kept', async t => {
  const { session, settled, kept } = server()
  const alice = await session('alice', 'a')
  for (const type of ['headline', 'groupchat', 'error']) await write(alice, 'no', { type })
  await settled()
  t.equal(await kept(), 0)
  t.same(conditions(alice), ['cancel service-unavailable'], 'of these only groupchat is answered')
  await alice.send('message', { to: 'bob@localhost/gone' }, body('normal, to a resource that is not there'))
  await settled()
  t.equal(await kept(), 0)
  t.equal(alice.received.length, 2)
  for (const type of ['normal', 'chat', 'unheard-of']) await write(alice, 'yes', { type })
  t.equal(await kept(), 3)
})

// XEP-0160 §3: "with the exception of messages that contain only Chat State Notifications content".
t.test('chat states alone are not kept', async t => {
  const { session, settled, kept } = server()
  const alice = await session('alice', 'a')
  await write(alice, '', {}, state('composing'))
  await write(alice, '', {}, state('paused'), xml('thread', {}, 't'), hint('no-permanent-store'))
  await write(alice, '', {}, state('gone'), xml('origin-id', { xmlns: NS.stanzaIds, id: 'x' }))
  await settled()
  t.equal(await kept(), 0)
  await write(alice, 'hi', {}, state('active'))
  await write(alice, '', {}, state('active'), xml('received', { xmlns: NS.receipts, id: 'x' }))
  await write(alice, '', {}, xml('received', { xmlns: NS.receipts, id: 'x' }))
  t.equal(await kept(), 3)
})

// XEP-0334 §4.
t.test('hints on storing are heeded', async t => {
  const { session, kept } = server()
  const alice = await session('alice', 'a')
  await write(alice, 'hi', {}, hint('no-store'))
  await write(alice, 'hi', {}, hint('store'), hint('no-store'))
  t.equal(await kept(), 0)
  await write(alice, 'hi', {}, hint('no-permanent-store'))
  await write(alice, '', {}, state('composing'), hint('store'))
  t.equal(await kept(), 2)
})

// XEP-0160 §2 step 3: "the recipient's offline message queue is full".
t.test(
  'over the cap the sender gets service-unavailable, and there is room again after delivery',
  async t => {
    const { session, settled, kept } = server({ most: 2 })
    const alice = await session('alice', 'a')
    await Promise.all(['1', '2', '3'].map(text => write(alice, text)))
    await settled()
    t.same(conditions(alice), ['cancel service-unavailable'])
    t.equal(await kept(), 2)
    const phone = await session('bob', 'phone')
    await phone.send('presence', {})
    await settled()
    await phone.send('presence', { type: 'unavailable' })
    t.same(bodies(phone), ['1', '2'])
    await write(alice, '4')
    t.equal(await kept(), 1)
    t.equal(alice.received.length, 1)
    const carol = await session('carol', 'c')
    await carol.send('message', { to: 'alice@localhost' }, body('another queue is another matter'))
    t.equal(carol.received.length, 0)
  },
)

t.test('messages expire, are not handed out then, and make room', async t => {
  const { session, settled, kept, clock } = server({ most: 2, days: 7 })
  const alice = await session('alice', 'a')
  await write(alice, 'old')
  clock.advance(4 * DAY)
  await write(alice, 'newer')
  await write(alice, 'refused')
  clock.advance(3 * DAY)
  await write(alice, 'newest')
  await settled()
  t.equal(alice.received.length, 1)
  t.equal(await kept(), 2)
  const phone = await session('bob', 'phone')
  await phone.send('presence', {})
  await settled()
  t.same(bodies(phone), ['newer', 'newest'])
})

t.test('a long queue is handed out whole and in order, also where the clock went back', async t => {
  const { session, settled, kept, clock } = server()
  const alice = await session('alice', 'a')
  const texts = Array.from({ length: 350 }, (_, i) => String(i))
  for (const text of texts) {
    clock.advance(Number(text) % 3 === 0 ? -1 : 1)
    await write(alice, text)
  }
  const phone = await session('bob', 'phone')
  await phone.send('presence', {})
  await settled()
  t.same(bodies(phone), texts)
  t.equal(await kept(), 0)
})

t.test('who comes while the message commits gets it once, as it was sent', async t => {
  const { session, settled, kept, storage } = server()
  const alice = await session('alice', 'a')
  const phone = await session('bob', 'phone')
  const gate = Promise.withResolvers<void>()
  const commit = storage.commit.bind(storage)
  storage.commit = async writes => {
    await commit(writes)
    await gate.promise
  }
  const sent = write(alice, 'hi')
  await new Promise(setImmediate)
  t.equal(await kept(), 1, 'it is in the storage, not yet known to be')
  storage.commit = commit
  await phone.send('presence', {})
  t.same(phone.received, [])
  gate.resolve()
  await sent
  await settled()
  t.equal(phone.received.length, 1)
  t.notMatch(phone.received[0], /delay/)
  t.equal(await kept(), 0)
})

t.test('a message whose last resource leaves while it commits is kept', async t => {
  const { session, settled, kept, storage } = server({ with: archive })
  const alice = await session('alice', 'a')
  const phone = await session('bob', 'phone')
  await phone.send('presence', {})
  const gate = Promise.withResolvers<void>()
  const commit = storage.commit.bind(storage)
  storage.commit = writes => gate.promise.then(() => commit(writes))
  const sent = write(alice, 'hi')
  await phone.send('presence', { type: 'unavailable' })
  gate.resolve()
  await sent
  await settled()
  t.same(phone.received, [])
  t.equal(await kept(), 1)
})

t.test('who has nothing waiting when he binds gets what comes before his presence', async t => {
  for (const nodes of [1, 2]) {
    const { session, settled, kept } = server({ nodes })
    const alice = await session('alice', 'a')
    const phone = await session('bob', 'phone', nodes - 1)
    await settled()
    await write(alice, 'hi')
    t.equal(await kept(), 1)
    await phone.send('presence', {})
    await settled()
    t.same(bodies(phone), ['hi'])
    t.equal(await kept(), 0)
  }
})

t.test('who binds while a message commits gets it, although nothing was stored yet', async t => {
  const { session, settled, kept, storage } = server()
  const alice = await session('alice', 'a')
  const gate = Promise.withResolvers<void>()
  const commit = storage.commit.bind(storage)
  storage.commit = writes => gate.promise.then(() => commit(writes))
  const sent = write(alice, 'hi')
  const phone = await session('bob', 'phone')
  gate.resolve()
  await sent
  await phone.send('presence', {})
  await settled()
  t.same(bodies(phone), ['hi'])
  t.equal(await kept(), 0)
})

t.test('what was seen when a user bound is not believed for long', async t => {
  const { session, settled, storage, clock } = server()
  const phone = await session('bob', 'phone')
  await settled()
  // As another node that was his home meanwhile would do.
  const stanza =
    '<message xmlns="jabber:client" to="bob@localhost" from="alice@localhost/a"><body>hi</body></message>'
  const item = { at: clock.now(), stanza }
  await storage.commit([storage.table('offline', 'lww').put(bob, '1', item)])
  clock.advance(2 * MINUTE)
  await phone.send('presence', {})
  await settled()
  t.same(bodies(phone), ['hi'])
})

t.test('when it cannot be stored the sender is told to try again', async t => {
  const { session, settled, kept, storage } = server()
  const alice = await session('alice', 'a')
  const commit = storage.commit.bind(storage)
  storage.commit = async () => {
    throw new Error('disk full')
  }
  await write(alice, 'lost')
  await settled()
  t.same(conditions(alice), ['wait internal-server-error'])
  storage.commit = commit
  await write(alice, 'kept')
  t.equal(await kept(), 1)
})

t.test('with the account goes its queue', async t => {
  const { session, kept, routers, settled } = server()
  const alice = await session('alice', 'a')
  await write(alice, 'hi')
  await routers[0]!.atHome.forget(bob)
  await settled()
  t.equal(await kept(), 0)
})

t.test('whatever comes and goes: each message arrives once and in order', async () => {
  const step = fc.constantFrom('write', 'come', 'go', 'negative', 'tick')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(1, 2), async (steps, nodes) => {
      const { session, settled } = server({ nodes })
      const alice = await session('alice', 'a')
      const phone = await session('bob', 'phone', nodes - 1)
      const pending: Promise<void>[] = []
      let written = 0
      for (const one of [...steps, 'tick', 'come']) {
        if (one === 'write') pending.push(write(alice, String(written++)))
        else if (one === 'come') pending.push(phone.send('presence', {}))
        else if (one === 'go') pending.push(phone.send('presence', { type: 'unavailable' }))
        else if (one === 'negative') pending.push(phone.send('presence', {}, priority(-1)))
        else await new Promise(setImmediate)
      }
      await Promise.all(pending)
      await settled()
      // The last step came before the last commits: what they left is handed out now.
      await phone.send('presence', { type: 'unavailable' })
      await phone.send('presence', {})
      await settled()
      const received = bodies(phone).map(Number)
      return received.length === written && received.every((number, i) => number === i)
    }),
    { numRuns: 300 },
  )
})
