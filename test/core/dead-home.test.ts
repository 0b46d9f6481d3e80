/** A home dies that has stored messages, and whose frames to the recipients' connections are lost with it. */
import t from 'tap'
import { slotOf } from '../../src/cluster/slots.ts'
import { extensions } from '../../src/extensions/index.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { core, type TestSession } from '../support/core.ts'

const NODES = 3
const HOME = 0
const NAMES = Array.from({ length: 12 }, (_, n) => `user${n}`)

/** Names of two whose home is the node that dies. */
const [ALICE, BOB] = NAMES.filter(name => slotOf(`${name}@localhost`) % NODES === HOME) as [string, string]
/** One whose home lives. */
const CAROL = NAMES.find(name => slotOf(`${name}@localhost`) % NODES === 1) as string

type Server = ReturnType<typeof core>

function start(): Server {
  return core({ nodes: NODES, accounts: NAMES, extensions })
}

/** From now on nothing that the home sends reaches a connection. */
function mute({ routers }: Server, ops = ['deliver']): void {
  const { cluster } = routers[HOME]!
  const { notify, request } = cluster
  cluster.notify = (node, frame) => {
    if (!ops.includes(frame.op)) notify.call(cluster, node, frame)
  }
  // What comes behind what was lost is lost with it.
  cluster.request = (node, frame) =>
    frame.op === 'drained' ? new Promise(() => {}) : request.call(cluster, node, frame)
}

const bodies = ({ received }: TestSession): string[] =>
  received.flatMap(text => /<body>([^<]*)</.exec(text)?.[1] ?? [])

async function online(server: Server, name: string, resource: string, node: number, ...more: Element[]) {
  const session = await server.session(name, resource, node)
  await session.send('presence', {}, ...more)
  await server.settled()
  return session
}

let last = 0
function chat(from: TestSession, to: string, text: string, ...more: Element[]): Promise<void> {
  const id = `id${++last}`
  const origin = xml('origin-id', { xmlns: 'urn:xmpp:sid:0', id })
  return from.send('message', { to, type: 'chat', id }, xml('body', {}, text), origin, ...more)
}

for (const sender of [ALICE, CAROL])
  for (const before of [0, 2, 40])
    for (const node of [1, 2])
      t.test(`${sender} to ${BOB} at node ${node}, ${before} before`, async t => {
        const server = start()
        const alice = await online(server, sender, 'a', 2)
        const bob = await online(server, BOB, 'b', node)
        const texts = Array.from({ length: before }, (_, n) => `before ${n}`)
        for (const text of texts) await chat(alice, bob.jid.bare.toString(), text)
        await server.settled()
        mute(server)
        for (const text of ['lost', 'lost too']) await chat(alice, bob.jid.bare.toString(), text)
        await server.settled()
        t.same(bodies(bob), texts)
        server.kill(HOME)
        await server.settled()
        t.same(bodies(bob), [...texts, 'lost', 'lost too'])
        await chat(alice, bob.jid.bare.toString(), 'after')
        await server.settled()
        t.same(bodies(bob), [...texts, 'lost', 'lost too', 'after'])
      })

t.test('after its home has moved', async t => {
  // It was delivered to by a home at its own node, then by another one.
  const server = start()
  const alice = await online(server, CAROL, 'a', 2)
  const slot = slotOf(`${BOB}@localhost`)
  await server.network.move([slot], 'node1')
  const bob = await online(server, BOB, 'b', 1)
  const to = bob.jid.bare.toString()
  for (const text of ['1', '2', '3']) await chat(alice, to, text)
  await server.settled()
  await server.network.move([slot], 'node0')
  await server.settled()
  mute(server)
  await chat(alice, to, '4')
  await server.settled()
  server.kill(HOME)
  await server.settled()
  t.same(bodies(bob), ['1', '2', '3', '4'])
})

const CARBONS = xml('enable', { xmlns: 'urn:xmpp:carbons:2' })
const withCarbons = async (server: Server, session: TestSession) => {
  await session.send('iq', { type: 'set', id: 'c' }, CARBONS)
  await server.settled()
}

for (const muted of [false, true])
  t.test(`copies, ${muted ? 'lost' : 'delivered'}`, async t => {
    const server = start()
    const alice = await online(server, CAROL, 'a', 2)
    const one = await online(server, BOB, 'one', 1)
    const two = await online(server, BOB, 'two', 2)
    await withCarbons(server, two)
    await chat(alice, one.jid.bare.toString(), 'first')
    await chat(alice, one.jid.toString(), 'to one')
    await server.settled()
    if (muted) mute(server)
    await chat(alice, one.jid.toString(), 'and again')
    await server.settled()
    server.kill(HOME)
    await server.settled()
    t.same(bodies(one), ['first', 'to one', 'and again'])
    t.same(bodies(two), ['first', 'to one', 'and again'])
  })

for (const muted of [false, true])
  t.test(`copies of what is sent, ${muted ? 'lost' : 'delivered'}`, async t => {
    const server = start()
    const carol = await online(server, CAROL, 'c', 2)
    const one = await online(server, BOB, 'one', 1)
    const two = await online(server, BOB, 'two', 2)
    await withCarbons(server, two)
    await chat(one, carol.jid.bare.toString(), 'first')
    await chat(carol, one.jid.bare.toString(), 'answer')
    await server.settled()
    if (muted) mute(server)
    await chat(one, carol.jid.bare.toString(), 'second')
    await server.settled()
    server.kill(HOME)
    await server.settled()
    t.same(bodies(carol), ['first', 'second'])
    t.same(bodies(one), ['answer'])
    t.same(bodies(two), muted ? ['first', 'answer'] : ['first', 'answer', 'second'])
  })

t.test('a home dies before it has told the connections that have come to it', async t => {
  const server = start()
  const carol = await online(server, CAROL, 'c', 2)
  const slot = slotOf(`${BOB}@localhost`)
  await server.network.move([slot], 'node1')
  const bob = await online(server, BOB, 'b', 1)
  const to = bob.jid.bare.toString()
  await chat(carol, to, '1')
  mute(server, ['deliver', 'remember'])
  await server.network.move([slot], 'node0')
  await server.settled()
  await chat(carol, to, '2')
  server.kill(HOME)
  await server.settled()
  await chat(carol, to, '3')
  await server.settled()
  t.same(bodies(bob), ['1', '2', '3'])
})

for (const sender of [ALICE, CAROL])
  for (const stored of [false, true])
    t.test(`what a home has not answered is asked of the next one: ${sender}, ${stored}`, async t => {
      const server = start()
      const { cluster } = server.routers[HOME]!
      const alice = await online(server, sender, 'a', 2)
      const bob = await online(server, BOB, 'b', 1)
      const to = bob.jid.bare.toString()
      await chat(alice, to, 'first')
      await server.settled()
      // It dies as it delivers, so that neither that nor its answer leaves; or before the message reaches it.
      const { notify } = cluster
      cluster.notify = (node, frame) => {
        if (frame.op === 'deliver') server.kill(HOME)
        notify.call(cluster, node, frame)
      }
      const sent = chat(alice, to, 'second')
      if (!stored) server.kill(HOME)
      await sent
      await server.settled()
      t.same(bodies(bob), ['first', 'second'])
      t.notOk(alice.received.some(text => text.includes('type="error"')))
    })

for (const node of [1, 2])
  t.test(`a session that has come later, to node ${node}, gets nothing older`, async t => {
    const server = start()
    const carol = await online(server, CAROL, 'c', 2)
    const one = await online(server, BOB, 'one', 1)
    const to = one.jid.bare.toString()
    for (const text of ['1', '2', '3']) await chat(carol, to, text)
    await server.settled()
    const two = await online(server, BOB, 'two', node)
    mute(server)
    await chat(carol, to, '4')
    await server.settled()
    server.kill(HOME)
    await server.settled()
    t.same(bodies(one), ['1', '2', '3', '4'])
    t.same(bodies(two), ['4'])
  })

t.test('a session that its home was about to hand what it had missed', async t => {
  const server = start()
  const carol = await online(server, CAROL, 'c', 2)
  const one = await online(server, BOB, 'one', 1)
  const to = one.jid.bare.toString()
  await chat(carol, to, '1')
  await server.settled()
  await one.handle.unbind()
  await chat(carol, to, '2')
  await chat(carol, to, '3')
  await server.settled()
  mute(server)
  const two = await server.session(BOB, 'two', 1)
  await two.send('presence', {})
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
  t.same(bodies(two), [])
  server.kill(HOME)
  await server.settled()
  t.same(bodies(two), ['2', '3'])
})

t.test('a node that is slow to tell of its connections is waited for', async t => {
  const server = start()
  const carol = await online(server, CAROL, 'c', 1)
  // One of them is at the node that takes the dead one's place.
  const sessions = [await online(server, BOB, 'one', 1), await online(server, BOB, 'two', 2)]
  const asked = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  for (const { cluster } of server.routers) {
    const { request } = cluster
    cluster.request = async (node, frame) => {
      if (frame.op !== 'recover') return request.call(cluster, node, frame)
      asked.resolve()
      await told.promise
      return request.call(cluster, node, frame)
    }
  }
  server.kill(HOME)
  await asked.promise
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  const { cluster } = server.routers[1]!
  t.equal(cluster.homeOf(`${BOB}@localhost`), undefined, 'nobody is at home before')
  told.resolve()
  await server.settled()
  await chat(carol, `${BOB}@localhost`, 'are you there?')
  await server.settled()
  for (const session of sessions) t.same(bodies(session), ['are you there?'])
})
