/** XEP-0198 §5: sessions that go on over another connection, where that is not as simple as in the dialogues. */
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { C2sRouter } from '../../src/c2s/options.ts'
import { extensions } from '../../src/extensions/index.ts'
import { JID } from '../../src/xml/jid.ts'
import { StreamError } from '../../src/xml/stream-error.ts'
import { c2s, passing, session, type TestC2sOptions } from '../support/c2s.ts'
import { ManualClock } from '../support/clock.ts'
import { answered, ids, managed, resuming } from '../support/managed.ts'
import type { RawClient } from '../support/raw-client.ts'

const UNLIMITED = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }
const MANAGEMENT = {
  resumeSeconds: 300,
  acknowledgeSeconds: 60,
  unacknowledged: 1_000,
  keptBytes: 1024 * 1024,
}

/** Without an archive: messages arrive as they were sent, and what is not acknowledged has to find another way. */
const start = (t: Test, options: TestC2sOptions = {}) =>
  c2s(t, {
    listen: { tls: 'off' },
    extensions: extensions.filter(({ name }) => !['archive', 'sequence', 'status'].includes(name)),
    ...options,
    limits: { bytes: UNLIMITED, stanzas: UNLIMITED, ...options.limits },
  })

/** More messages of 10,000 bytes than sockets take. */
const MANY = 900

const chat = (to: string, id: string | number, body = 'hi') =>
  `<message to='${to}' id='${id}' type='chat'><body>${body}</body></message>`

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

/** Waits until a condition that the server brings about holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

/** Whether this is the last that a client has received. */
function ends({ text }: RawClient, last: string): boolean {
  return text.length > last.length && text.endsWith(last)
}

t.test('of two connections that want a session at once the later one gets it', async t => {
  const held = Promise.withResolvers<void>()
  const { port } = await start(t, { between: holding(held.promise) })
  const { client, id } = await managed(port, 'alice', 'a')
  client.send(chat('bob@localhost', 'slow'))
  await answered(await session(port, 'bob', 'b'), 'there')
  const first = await resuming(port, 'alice', id, 0)
  await client.expect('<conflict')
  const second = await resuming(port, 'alice', id, 0)
  // Both wait until what the first connection has sent is in the count.
  for (let i = 0; i < 50; i++) await turn()
  t.equal(first.text + second.text, '')
  held.resolve()
  await second.expect(`<resumed xmlns="urn:xmpp:sm:3" previd="${id}" h="1"/>`)
  await first.expect('<item-not-found')
  await answered(second, 'goes-on')
})

/** A router whose sessions settle messages only when `held` resolves. */
function holding(held: Promise<void>) {
  return (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      return {
        jid: handle.jid,
        submit: async stanza => {
          if (stanza.kind === 'message') await held
          await handle.submit(stanza)
        },
        unbind: (lost, left) => handle.unbind(lost, left),
        acknowledged: () => {},
        stream: () => {},
        move: (node, number) => handle.move(node, number),
      }
    },
  })
}

t.test('a client that acknowledges nothing is cut, and its session waits for it', async t => {
  const { port, server } = await start(t, { limits: { management: { ...MANAGEMENT, unacknowledged: 20 } } })
  const { client: alice, id } = await managed(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  for (let i = 0; i < 20; i++) bob.send(chat('alice@localhost/a', i))
  await answered(bob, 'there')
  t.same(ids((await alice.expect(/^[\s\S]*id="19"[\s\S]*?<\/message>/))[0]), numbers(20))
  bob.send(chat('alice@localhost/a', 20))
  await alice.end()
  await until(() => server.hibernating === 1)
  const again = await resuming(port, 'alice', id, 20)
  t.same(ids((await again.expect(/<resumed [^>]*>[\s\S]*?<r /))[0]), ['20'])
})

t.test('one that is away is given up when so many stanzas wait for it, or so many bytes', async t => {
  for (const limit of [{ unacknowledged: 20 }, { keptBytes: 20_500 }]) {
    const { port, server } = await start(t, { limits: { management: { ...MANAGEMENT, ...limit } } })
    const { client: alice, id } = await managed(port, 'alice', 'a')
    const bob = await session(port, 'bob', 'b')
    alice.socket.resetAndDestroy()
    await until(() => server.hibernating === 1)
    for (let i = 0; i < 20; i++) bob.send(chat('alice@localhost/a', i, 'x'.repeat(1_000)))
    await answered(bob, 'there')
    t.equal(server.hibernating, 1)
    bob.send(chat('alice@localhost/a', 20, 'x'.repeat(1_000)))
    t.same(ids(await answered(bob, 'kept')), [], 'no errors')
    t.equal(server.hibernating, 0)
    const again = await resuming(port, 'alice', id, 0)
    await again.expect('<item-not-found')
    const next = await session(port, 'alice', 'b')
    next.send('<presence/>')
    t.same(ids((await next.expect(/^[\s\S]*id="20"[\s\S]*?<\/message>/))[0]), numbers(21))
  }
})

t.test('presence does not fill what waits for a client that is away', async t => {
  const { port, server } = await start(t, { limits: { management: { ...MANAGEMENT, unacknowledged: 20 } } })
  const { client: alice, id } = await managed(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  alice.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  for (let i = 0; i < 100; i++) bob.send(`<presence to='alice@localhost/a' id='${i}'/>`)
  bob.send(chat('alice@localhost/a', 'm'))
  bob.send("<presence to='alice@localhost/a' id='last' type='unavailable'/>")
  await answered(bob, 'there')
  const again = await resuming(port, 'alice', id, 0)
  const [text] = await again.expect(/<resumed [^>]*>[\s\S]*?<r /)
  t.same(
    [...text.matchAll(/<(?:message|presence) [^>]*id="([^"]+)"/g)].map(match => match[1]),
    ['m', 'last'],
  )
  again.send("<a xmlns='urn:xmpp:sm:3' h='2'/>")
  t.same(ids(await answered(again, 'goes-on')), [])
})

/** Alice is away, and more waits for her than may wait in an outbox. */
async function withBacklog(t: Test) {
  const { port, server } = await start(t, {
    limits: { outboxBytes: 100_000, management: { ...MANAGEMENT, keptBytes: 10_000_000 } },
  })
  const { client: alice, id } = await managed(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  alice.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  for (let i = 0; i < MANY; i++) bob.send(chat('alice@localhost/a', i, 'x'.repeat(10_000)))
  await answered(bob, 'there')
  return { port, server, bob, id }
}

t.test('more waits for a client than may wait in an outbox: it gets that at its pace', async t => {
  const { port, server, bob, id } = await withBacklog(t)
  const again = await resuming(port, 'alice', id, 0)
  await again.expect('<resumed')
  again.socket.pause()
  for (let i = 0; i < 100; i++) await turn()
  t.ok(server.outboxBytes > 0 && server.outboxBytes < 200_000, `${server.outboxBytes} wait in memory`)
  // What comes meanwhile comes behind it.
  bob.send(chat('alice@localhost/a', MANY))
  await answered(bob, 'there-too')
  again.socket.resume()
  await until(() => ends(again, "</message><r xmlns='urn:xmpp:sm:3'/>"))
  t.same(ids(again.text), numbers(MANY + 1))
  again.send("<a xmlns='urn:xmpp:sm:3' h='901'/>")
  await answered(again, 'goes-on')
})

t.test('it breaks again while a client gets what it lacks', async t => {
  const { port, server, id } = await withBacklog(t)
  const second = await resuming(port, 'alice', id, 0)
  const got = ids((await second.expect(/^[\s\S]*id="30"[\s\S]*?<\/message>/))[0])
  second.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  const third = await resuming(port, 'alice', id, got.length)
  await until(() => ends(third, "</message><r xmlns='urn:xmpp:sm:3'/>"))
  got.push(...ids(third.text))
  t.same(got, numbers(MANY))
})

t.test(
  'messages that were kept are handed over once more, not twice, when nobody acknowledged them',
  async t => {
    const clock = new ManualClock()
    const { port, server, router } = await start(t, { clock })
    const bob = await session(port, 'bob', 'b')
    for (let i = 0; i < 3; i++) bob.send(chat('alice@localhost', i))
    await answered(bob, 'there')
    const { client: alice } = await managed(port, 'alice', 'a')
    alice.send('<presence/>')
    t.same(ids((await alice.expect(/^[\s\S]*id="2"[\s\S]*?<\/message>/))[0]), numbers(3))
    alice.socket.resetAndDestroy()
    await until(() => server.hibernating === 1)
    clock.advance(301_000)
    await router.settled()
    const next = await session(port, 'alice', 'b')
    next.send('<presence/>')
    t.same(ids((await next.expect(/^[\s\S]*id="2"[\s\S]*?<\/message>/))[0]), numbers(3))
    await router.settled()
    t.same(ids(await answered(next, '1')), [])
    const desk = await session(port, 'alice', 'c')
    desk.send('<presence/>')
    t.same(ids(await answered(desk, '2')), [], 'nothing is left')
  },
)

t.test('a client that is away holds up what was kept for others only for a while', async t => {
  const clock = new ManualClock()
  const { port, server } = await start(t, { clock })
  const bob = await session(port, 'bob', 'b')
  for (let i = 0; i < 3; i++) bob.send(chat('alice@localhost', i))
  await answered(bob, 'there')
  const { client: alice, id } = await managed(port, 'alice', 'a')
  alice.send('<presence/>')
  await alice.expect(/id="2"[\s\S]*?<\/message>/)
  alice.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  const desk = await session(port, 'alice', 'b')
  desk.send('<presence/>')
  t.same(ids(await answered(desk, '1')), [])
  clock.advance(10_000)
  t.same(ids((await desk.expect(/^[\s\S]*id="2"[\s\S]*?<\/message>/))[0]), numbers(3))
  // Whoever was away gets what comes behind what it had, once it is back.
  bob.send(chat('alice@localhost', 'new'))
  await desk.expect(/id="new"/)
  const again = await resuming(port, 'alice', id, 4)
  again.send("<a xmlns='urn:xmpp:sm:3' h='4'/>")
  t.same(ids((await again.expect(/<resumed [\s\S]*id="new"/))[0]), ['new'])
})

t.test('a session ends with its account, and nothing of it is kept for the next one', async t => {
  const { port, server, router, accounts } = await start(t)
  const { client: alice, id } = await managed(port, 'alice', 'a')
  alice.send('<presence/>')
  const bob = await session(port, 'bob', 'b')
  await answered(alice, 'there')
  alice.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  bob.send(chat('alice@localhost', 'm'))
  t.same(ids(await answered(bob, 'sent')), [])
  const jid = JID.parse('alice@localhost')
  await accounts.remove(jid)
  await router.atHome.forget(jid)
  await router.settled()
  t.equal(server.hibernating, 0)
  t.match(await answered(bob, 'answered'), /<message [^>]*type="error" id="m"[\s\S]*service-unavailable/)
  await accounts.create(jid, 'wonderland')
  const again = await resuming(port, 'alice', id, 0)
  await again.expect('<item-not-found')
  const next = await session(port, 'alice', 'b')
  next.send('<presence/>')
  await router.settled()
  t.same(ids(await answered(next, '1')), [])
})

t.test('when the server stops, what nobody has acknowledged is kept before it is over', async t => {
  const { port, server, router } = await start(t)
  const { client: alice } = await managed(port, 'alice', 'a')
  alice.send('<presence/>')
  await answered(alice, 'there')
  const bob = await session(port, 'bob', 'b')
  alice.socket.resetAndDestroy()
  await until(() => server.hibernating === 1)
  for (let i = 0; i < 3; i++) bob.send(chat('alice@localhost', i))
  await answered(bob, 'sent')
  bob.socket.end()
  await server.shutdown(new StreamError('system-shutdown'))
  await router.settled()
  const host = router.host('localhost')!
  const { items } = await host.storage.table('offline', 'lww').page(JID.parse('alice@localhost'))
  t.equal(items.length, 3)
})
