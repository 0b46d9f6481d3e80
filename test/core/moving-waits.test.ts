/** What waits for a home while others move: docs/decisions/0022. */
import t from 'tap'
import { slotOf } from '../../src/cluster/slots.ts'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

const TURNS = 200

/** Three nodes; whoever is sent a <slow/> has a home that does not leave before `open` is called. */
async function threeNodes() {
  const gate = Promise.withResolvers<undefined>()
  const slow = stage(
    'guard',
    { kind: 'message', side: 'recipient', child: ['slow', 'test'] },
    () => gate.promise,
  )
  const holding = defineExtension({
    name: 'gate',
    doc: 'holds back messages',
    setup: () => ({ stages: [slow] }),
  })
  const accounts = ['alice', 'bob', 'carol', 'dave']
  const server = core({ nodes: 3, accounts, extensions: [...extensions, holding] })
  const move = (name: string, node: number): Promise<void> =>
    server.network.move([slotOf(`${name}@localhost`)], `node${node}`)
  for (const [name, node] of [
    ['alice', 0],
    ['bob', 1],
    ['carol', 0],
    ['dave', 2],
  ] as const)
    await move(name, node)
  const online = async (name: string, node: number) => {
    const session = await server.session(name, 'r', node)
    await session.send('presence', {})
    return session
  }
  const sessions = [
    await online('alice', 0),
    await online('bob', 1),
    await online('carol', 0),
    await online('dave', 2),
  ]
  await server.settled()
  for (const { received } of sessions) received.length = 0
  const [alice, bob, carol, dave] = sessions
  return {
    ...server,
    move,
    alice: alice!,
    bob: bob!,
    carol: carol!,
    dave: dave!,
    open: () => gate.resolve(undefined),
  }
}

/** Some turns of the event loop; whether a promise has settled by then. */
async function soon(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(() => {
    settled = true
  })
  for (let i = 0; i < TURNS && !settled; i++) await new Promise(setImmediate)
  return settled
}

function slow() {
  return xml('slow', { xmlns: 'test' })
}

function chat(to: string, id: string) {
  return ['message', { to: `${to}@localhost`, type: 'chat', id }] as const
}

t.test('a home leaves though what its user has sent waits for another home: it goes along', async t => {
  const { alice, bob, dave, move, open, settled } = await threeNodes()
  const held = dave.send(...chat('bob', 'held'), slow())
  t.notOk(await soon(held))
  const bobs = move('bob', 2)
  const sent = alice.send(...chat('bob', 'waits'), xml('body', {}, 'hi'))
  t.notOk(await soon(sent), 'bob has no home')
  t.ok(await soon(move('alice', 1)))
  open()
  await Promise.all([held, bobs, sent])
  await settled()
  t.same(
    bob.received.map(text => / id="(\w+)"/.exec(text)?.[1]),
    ['held', 'waits'],
  )
  t.same(alice.received, [])
})

t.test('a request to the own account knows of a message before it that waits for a home', async t => {
  const { alice, carol, dave, move, open, settled } = await threeNodes()
  const held = [dave.send(...chat('bob', 'held'), slow()), dave.send(...chat('carol', 'held'), slow())]
  t.notOk(await soon(Promise.race(held)))
  // Another home leaves this node: nobody it knows may wait for a home.
  const moves = [move('bob', 2), move('carol', 1)]
  const sent = [alice.send(...chat('bob', 'waits'), xml('body', {}, 'hi'))]
  sent.push(alice.send('iq', { type: 'set', id: 'q' }, xml('query', { xmlns: 'urn:xmpp:mam:2' })))
  const other = alice.send(...chat('dave', 'other'), xml('body', {}, 'hi'))
  t.notOk(await soon(Promise.race(sent)))
  t.same(alice.received, [], 'no page of an archive that lacks it')
  open()
  await Promise.all([...held, ...moves, ...sent, other])
  await settled()
  const [first, last] = alice.received
  t.match(first, /<result .* id="waits"/)
  t.match(last, /<fin /)
  t.equal(carol.closed, undefined)
})
