/** Homes die that have begun to answer requests: whoever asked is answered all the same, once. */
import t from 'tap'
import { slotOf } from '../../src/cluster/slots.ts'
import { defineExtension, get } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { core, type TestSession } from '../support/core.ts'

/** Turns of the event loop in which another node takes the place of a dead one. */
const TURNS = 1_000
const NODES = 3
const HOME = 0
const SLOW = 'urn:example:slow'
const NAMES = Array.from({ length: 12 }, (_, n) => `user${n}`)

/** One whose home is the node that dies, and one of each of the others. */
const [ALICE, BOB, CAROL] = [HOME, 1, 2].map(
  node => NAMES.find(name => slotOf(`${name}@localhost`) % NODES === node)!,
) as [string, string, string]

/** A server whose answers to requests wait until `go` is called. */
function start() {
  const { promise, resolve: go } = Promise.withResolvers<void>()
  const slow = defineExtension({
    name: 'slow',
    doc: 'answers when it may',
    setup: () => ({
      iq: (['server', 'account'] as const).map(place =>
        get(SLOW, 'query', place, () => promise.then(() => undefined), { access: 'any' }),
      ),
    }),
  })
  return { server: core({ nodes: NODES, accounts: NAMES, extensions: [slow] }), go }
}

const ask = (session: TestSession, to?: string): Promise<void> =>
  session.send('iq', { type: 'get', id: 'q', ...(to !== undefined && { to }) }, xml('query', { xmlns: SLOW }))

const answers = ({ received }: TestSession): string[] =>
  received.filter(text => text.includes('id="q"')).map(text => /type="(\w+)"/.exec(text)![1]!)

const cases: Readonly<Record<string, readonly [asker: string, to: string | undefined]>> = {
  'the own account': [ALICE, undefined],
  'the host': [ALICE, 'localhost'],
  'an account whose home dies': [BOB, `${ALICE}@localhost`],
  'an account whose home dies, from a connection elsewhere': [CAROL, `${ALICE}@localhost`],
}

for (const [what, [asker, to]] of Object.entries(cases)) {
  t.test(`${what}: its home dies`, async t => {
    const { server, go } = start()
    const session = await server.session(asker, 'r', 1)
    await ask(session, to)
    t.same(answers(session), [])
    server.kill(HOME)
    for (let i = 0; i < TURNS && answers(session).length === 0; i++) await new Promise(setImmediate)
    t.same(answers(session), ['error'])
    t.match(session.received.at(-1), 'remote-server-timeout')
    go()
    await server.settled()
    t.same(answers(session), ['error'], 'once')
  })

  t.test(`${what}: it has answered, and dies then`, async t => {
    const { server, go } = start()
    const session = await server.session(asker, 'r', 1)
    go()
    await ask(session, to)
    await server.settled()
    t.same(answers(session), ['result'])
    server.kill(HOME)
    await server.settled()
    t.same(answers(session), ['result'])
  })
}

t.test('the home of who has asked dies, and that of who is asked lives: it answers', async t => {
  const { server, go } = start()
  const session = await server.session(ALICE, 'r', 2)
  await ask(session, `${BOB}@localhost`)
  server.kill(HOME)
  go()
  await server.settled()
  t.same(answers(session), ['result'])
})

t.test('what a client answers arrives, though the home of who asked has died', async t => {
  const { server } = start()
  const alice = await server.session(ALICE, 'r', 1)
  const bob = await server.session(BOB, 'r', 2)
  await ask(alice, bob.jid.toString())
  await server.settled()
  t.match(bob.received.at(-1), SLOW)
  server.kill(HOME)
  await bob.send('iq', { type: 'result', id: 'q', to: alice.jid.toString() })
  await server.settled()
  t.same(answers(alice), ['result'])
})
