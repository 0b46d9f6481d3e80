/** What strangers and members may use, and what happens to who wants more. */
import t from 'tap'
import { DEFAULT_LIMITS } from '../../src/c2s/options.ts'
import { c2s, header, plainAuth, session, signIn } from '../support/c2s.ts'
import { ManualClock } from '../support/clock.ts'
import { RawClient } from '../support/raw-client.ts'

const OPEN = { tls: 'off' } as const
const ENDLESS = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

/** As many turns of the event loop as anything local needs to arrive. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate)
}

t.test('who does not sign in in time is cut, whatever it sends meanwhile', async t => {
  const clock = new ManualClock()
  const { port, server } = await c2s(t, { listen: OPEN, clock })
  const silent = await RawClient.connect(port)
  const chatty = await RawClient.connect(port)
  chatty.send(header())
  await chatty.expect('</stream:features>')
  await until(() => server.counts.connections === 2)
  const member = await session(port, 'alice', 'a')
  for (let second = 1; second < 30; second++) {
    clock.advance(1_000)
    chatty.send(' ')
    await turns()
  }
  t.equal(silent.ended, false)
  t.equal(chatty.ended, false)
  clock.advance(1_000)
  t.match(await silent.end(), /^<\?xml .*<stream:error><connection-timeout .*<\/stream:stream>$/)
  t.match(await chatty.end(), /^<stream:error><connection-timeout .*<\/stream:stream>$/)
  clock.advance(60_000)
  await turns()
  t.equal(member.ended, false, 'who has signed in stays')
})

t.test('a sign-in that is never finished is cut too', async t => {
  const clock = new ManualClock()
  const { port, server } = await c2s(t, { listen: { tls: 'direct' }, clock })
  const handshaking = await RawClient.connect(port)
  await until(() => server.counts.connections === 1)
  const unbound = await RawClient.connectTls(port)
  unbound.send(header())
  await unbound.expect('</stream:features>')
  unbound.send(plainAuth('alice'))
  await unbound.expect('<success')
  unbound.send(header())
  await unbound.expect('</stream:features>')
  clock.advance(30_000)
  t.equal(await handshaking.end(), '')
  t.match(await unbound.end(), /^<stream:error><connection-timeout /)
  for (const client of [handshaking, unbound]) client.socket.destroy()
  await until(() => server.counts.connections === 0)
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
})

t.test('a peer that does not close is not waited for very long', async t => {
  const clock = new ManualClock()
  const { port, server } = await c2s(t, { listen: OPEN, clock })
  const client = await RawClient.connect(port)
  client.socket.allowHalfOpen = true
  client.send(header("to='elsewhere.example' version='1.0'"))
  t.match(await client.end(), 'host-unknown')
  client.send(' ')
  await turns()
  t.equal(server.counts.connections, 1)
  clock.advance(5_000)
  await until(() => server.counts.connections === 0)
  t.equal(server.counts.unauthenticated, 0)
})

t.test('connections that have not signed in are counted by address and in all', async t => {
  const unauthenticated = { total: 4, perAddress: 2 }
  const { port, server } = await c2s(t, { listen: OPEN, limits: { unauthenticated } })
  const stay = async (address: string): Promise<RawClient | undefined> => {
    const client = await RawClient.connect(port, address)
    client.send(header())
    const features = client.expect('</stream:features>')
    return features.then(
      () => client,
      () => undefined,
    )
  }
  const first = await stay('127.0.0.2')
  t.ok(first)
  t.ok(await stay('127.0.0.2'))
  t.notOk(await stay('127.0.0.2'), 'the third of one address')
  t.ok(await stay('127.0.0.3'))
  t.ok(await stay('127.0.0.4'))
  t.notOk(await stay('127.0.0.5'), 'the fifth of all')
  t.equal(server.counts.unauthenticated, 4)
  first!.text = ''
  first!.send(plainAuth('alice'))
  await first!.expect('<success')
  first!.send(`${header()}<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
  await first!.expect('</iq>')
  t.ok(await stay('127.0.0.2'), 'who has signed in makes room')
})

t.test('a stanza may be 10 KiB before sign-in and 256 KiB after', async t => {
  const { port } = await c2s(t, { listen: OPEN })
  const client = await RawClient.connect(port)
  client.send(header())
  await client.expect('</stream:features>')
  client.send(
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${'A'.repeat(10 * 1024)}</auth>`,
  )
  t.match(await client.end(), /^<stream:error><policy-violation .*<\/stream:stream>$/)
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  const [start, end] = ["<message to='bob@localhost/b'><body>", '</body></message>']
  const most = 256 * 1024 - start.length - end.length
  alice.send(start + 'x'.repeat(most) + end)
  const [message] = await bob.expect(/<message [^>]*><body>x+<\/body><\/message>/)
  t.ok(message.length > most)
  alice.send(`${start}${'x'.repeat(most + 1)}${end}`)
  t.match(await alice.end(), /^<stream:error><policy-violation .*<\/stream:stream>$/)
  t.equal(bob.text, '')
})

t.test('who sends stanzas too fast is slowed, not cut', async t => {
  const clock = new ManualClock()
  const { port } = await c2s(t, { listen: OPEN, clock, limits: { stanzas: { perSecond: 2, burst: 10 } } })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  let sent = ''
  for (let i = 0; i < 40; i++) sent += `<message to='bob@localhost/b' id='${i}'/>`
  alice.send(sent)
  const received = async (): Promise<number> => {
    await turns()
    return bob.text.split('<message ').length - 1
  }
  // The one that empties the bucket passes; the next one waits.
  t.equal(await received(), 11)
  clock.advance(500)
  t.equal(await received(), 12)
  for (let i = 0; i < 8; i++) {
    clock.advance(500)
    await turns()
  }
  t.equal(await received(), 20)
  for (let i = 0; i < 30; i++) {
    clock.advance(500)
    await turns()
  }
  t.equal(await received(), 40)
  t.same(
    [...bob.text.matchAll(/id="(\d+)"/g)].map(match => Number(match[1])),
    Array.from({ length: 40 }, (_, i) => i),
    'all of them, in order',
  )
})

t.test('who sends bytes too fast is slowed, not cut', async t => {
  const clock = new ManualClock()
  const bytes = { perSecond: 50_000, burst: 100_000 }
  const { port } = await c2s(t, { listen: OPEN, clock, limits: { bytes, stanzas: ENDLESS } })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  const message = `<message to='bob@localhost/b'><body>${'x'.repeat(930)}</body></message>`
  alice.send(message.repeat(2000))
  await turns()
  const before = bob.text.length
  // A burst, and what the sockets between here and there hold.
  t.ok(before >= 90_000 && before < 1_000_000, `${before} bytes at first`)
  await turns()
  t.equal(bob.text.length, before)
  for (let i = 0; i < 50; i++) {
    clock.advance(1_000)
    await turns()
  }
  await until(() => bob.text.length >= 2000 * 900)
  t.equal(bob.text.split('</message>').length - 1, 2000)
  t.equal(alice.ended, false)
})

t.test('who does not read what it is sent is cut, and nobody else suffers', async t => {
  const outboxBytes = 1024 * 1024
  const limits = { outboxBytes, bytes: ENDLESS, stanzas: ENDLESS }
  const { port, router, server } = await c2s(t, { listen: OPEN, limits })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  bob.socket.pause()
  const message = `<message to='bob@localhost/b' type='headline'><body>${'x'.repeat(100_000)}</body></message>`
  let sent = 0
  while (server.counts.connections > 1 && sent < 1000) {
    alice.send(message)
    sent++
    await turns()
  }
  t.ok(sent * message.length > outboxBytes, `cut after ${sent} messages`)
  await router.settled()
  t.equal(router.homes.sessions, 1)
  alice.send("<iq type='get' id='1' to='localhost'><what xmlns='ever'/></iq>")
  t.ok(await alice.expect('service-unavailable'))
  bob.socket.resume()
  t.notMatch((await bob.end()).slice(-100), '</stream:stream>')
})

t.test('a receiver that is slow, and reads at last, misses nothing', async t => {
  const limits = { outboxBytes: 64 * 1024 * 1024, bytes: ENDLESS, stanzas: ENDLESS }
  const { port } = await c2s(t, { listen: OPEN, limits })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  bob.socket.pause()
  for (let i = 0; i < 100; i++) {
    alice.send(`<message to='bob@localhost/b' id='${i}'><body>${'x'.repeat(100_000)}</body></message>`)
    if (i % 10 === 9) await turns()
  }
  await turns()
  bob.socket.resume()
  await until(() => bob.text.split('</message>').length > 100)
  t.same(
    [...bob.text.matchAll(/id="(\d+)"/g)].map(match => Number(match[1])),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

t.test('limits can be switched off', async t => {
  const off = Number.POSITIVE_INFINITY
  const limits = {
    reader: { stanzaBytes: off, depth: off, attributes: off, children: off, nameBytes: off },
    stanzaBytesBeforeSignIn: off,
    signInSeconds: off,
    attempts: off,
    unauthenticated: { total: off, perAddress: off },
    bytes: ENDLESS,
    stanzas: ENDLESS,
    outboxBytes: off,
    closeSeconds: DEFAULT_LIMITS.closeSeconds,
  }
  const { port } = await c2s(t, { listen: OPEN, limits })
  const client = await RawClient.connect(port)
  client.send(header())
  const [features] = await client.expect(/<stream:features>.*<\/stream:features>/)
  t.notMatch(features, 'limits')
  client.send('</stream:stream>')
  await client.end()
  const alice = await RawClient.connect(port)
  await signIn(alice, 'alice', 'a')
  alice.send(`<message to='alice@localhost/a'><body>${'x'.repeat(300_000)}</body></message>`)
  t.ok(await alice.expect('</message>'))
})
