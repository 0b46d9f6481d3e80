import t, { type Test } from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { TestServer, type TestServerOptions } from '../support/test-server.ts'
import { WebSocketClient, type WebSocketClientOptions } from '../support/websocket-client.ts'

const ACCOUNTS = [
  ['alice@localhost', 'secret'],
  ['bob@localhost', 'secret'],
] as const
const OPEN = `<open xmlns='${NS.framing}' to='localhost' version='1.0'/>`
const CLOSE = `<close xmlns="${NS.framing}"/>`

async function serverFor(t: Test, options: TestServerOptions = {}) {
  const server = await TestServer.start({ accounts: ACCOUNTS, ...options })
  t.teardown(() => server.close())
  const port = server.ports[0]!.http
  const connect = (changes: Partial<WebSocketClientOptions> = {}) =>
    WebSocketClient.connect({ url: `ws://localhost:${port}/ws`, ...changes })
  return { server, port, connect }
}

async function signedIn(connect: () => Promise<WebSocketClient>, user: string): Promise<WebSocketClient> {
  const client = await connect()
  await client.signIn(user, 'secret', 'web')
  return client
}

t.test('RFC 7395 §3.4: a stream from <open/> to <close/>', async t => {
  const { connect } = await serverFor(t)
  const client = await connect()
  t.equal(client.websocket.protocol, 'xmpp', '§3.1: the subprotocol is selected')
  client.send(OPEN)
  t.match(
    await client.next(),
    /^<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='localhost' id='[^']+' version='1.0' xml:lang='en'\/>$/,
  )
  const features = await client.next()
  t.match(
    features,
    /^<stream:features xmlns:stream="http:\/\/etherx.jabber.org\/streams">/,
    '§3.3.3: declares its prefix',
  )
  t.match(features, '<mechanism>SCRAM-SHA-1</mechanism>')
  t.notMatch(features, 'starttls', '§3.9: TLS is no feature')
  client.send(`<close xmlns='${NS.framing}'/>`)
  t.strictSame(
    await client.closed(),
    { code: 1000, messages: [CLOSE] },
    '§3.6: answered, then the WebSocket is closed',
  )
})

t.test('a session: sign-in, restart, stanzas in frames of their own', async t => {
  const { connect, server } = await serverFor(t)
  const alice = await connect()
  t.match(
    await alice.signIn('alice', 'secret', 'web'),
    /^<iq .*xmlns="jabber:client".*<jid>alice@localhost\/web<\/jid>/,
    'what the server makes itself is in the namespace of clients',
  )
  const bob = await signedIn(connect, 'bob')
  for (const text of ['a', 'b'.repeat(200), 'ä'.repeat(40_000)]) {
    alice.send(`<message xmlns='jabber:client' to='bob@localhost/web'><body>${text}</body></message>\n`)
    t.equal(
      await bob.next(),
      `<message xmlns="jabber:client" to="bob@localhost/web" from="alice@localhost/web"><body>${text}</body></message>`,
    )
  }
  alice.send(`<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='${NS.ping}'/></iq>`)
  t.equal(
    await alice.next(),
    '<iq xmlns="jabber:client" to="alice@localhost/web" from="alice@localhost" type="result" id="p"/>',
  )
  alice.websocket.terminate()
  await server.settled()
  bob.send(`<close xmlns='${NS.framing}'/>`)
  t.same(await bob.closed(), { code: 1000, messages: [CLOSE] })
})

t.test('many stanzas at once keep their order', async t => {
  const { connect } = await serverFor(t)
  const alice = await signedIn(connect, 'alice')
  const bob = await signedIn(connect, 'bob')
  for (let i = 0; i < 1000; i++)
    alice.send(`<message xmlns='jabber:client' to='bob@localhost/web' id='${i}'><body>x</body></message>`)
  for (let i = 0; i < 1000; i++) t.match(await bob.next(), ` id="${i}"`) || t.bailout('out of order')
})

t.test('errors of the framing', async t => {
  const { connect } = await serverFor(t)
  const error = async (...messages: (string | Buffer)[]): Promise<string> => {
    const client = await connect()
    for (const message of messages) client.send(message)
    const { code, messages: got } = await client.closed()
    t.equal(code, 1000)
    t.equal(got.at(-1), CLOSE, 'RFC 7395 §3.5: the stream is closed after its error')
    t.match(got[0], /^<open /, 'RFC 7395 §3.5: an error while a stream is opened comes after <open/>')
    return /<stream:error xmlns:stream="[^"]+"><([\w-]+)/.exec(got.at(-2)!)?.[1] ?? got.join()
  }
  t.equal(
    await error("<open xmlns='jabber:client' to='localhost' version='1.0'/>"),
    'invalid-namespace',
    '§3.3.2',
  )
  t.equal(await error('<open/>'), 'invalid-namespace', '§3.3.2')
  t.equal(await error(OPEN, "<close xmlns='urn:example'/>"), 'invalid-namespace', '§3.3.2')
  t.equal(await error(`<stream:stream xmlns:stream='${NS.stream}' to='localhost'>`), 'bad-format')
  t.equal(await error("<presence xmlns='jabber:client'/>"), 'bad-format')
  t.equal(await error(` ${OPEN}`), 'not-well-formed', "§3.3.3: the first character is '<'")
  t.equal(await error(OPEN, ' '), 'not-well-formed', '§3.8: no white space to keep a connection alive')
  t.equal(await error(`${OPEN}${OPEN}`), 'bad-format', '§3.3.3: one element in a frame')
  t.equal(await error(OPEN, OPEN), 'bad-format')
  t.equal(await error(OPEN, "<auth xmlns='a'>"), 'not-well-formed', '§3.3.3: a frame is a whole element')
  t.equal(await error(OPEN, '<!-- x --><a/>'), 'restricted-xml')
  t.equal(await error(OPEN, "<message xmlns='jabber:server'/>"), 'invalid-namespace')
  t.equal(await error(OPEN, `<a>${'x'.repeat(12_000)}</a>`), 'policy-violation', 'the limit before sign-in')
  t.equal(await error(OPEN.replace('localhost', 'nowhere.example')), 'host-unknown')
})

t.test('an XML declaration is allowed, if it is one', async t => {
  const { connect } = await serverFor(t)
  const client = await connect()
  client.send(`<?xml version='1.0' encoding='UTF-8'?>\n${OPEN}`)
  t.match(await client.next(), /^<open /)
  await client.next()
  client.send('<?php x ?><a/>')
  t.match((await client.closed()).messages.join(), 'restricted-xml')
})

t.test('what breaks WebSocket itself is closed with its code', async t => {
  const { connect } = await serverFor(t, { config: { limits: { 'stanza-bytes': 10_000 } } })
  const binary = await connect()
  binary.send(Buffer.from(OPEN))
  t.equal((await binary.closed()).code, 1003, 'RFC 7395 §3.2: messages are text')
  const large = await connect()
  large.send(`<a>${'x'.repeat(80_000)}</a>`)
  t.equal((await large.closed()).code, 1009)
  const fragments = await connect()
  for (let i = 0; i < 200; i++) fragments.websocket.send('<', { fin: false })
  t.equal((await fragments.closed()).code, 1008, 'websockets/ws issue 2331')
})

t.test('who may open one', async t => {
  const { connect, port } = await serverFor(t, {
    config: { listeners: { http: { origins: 'https://friend.example' } } },
  })
  await t.rejects(connect({ protocol: '' }), { message: '400' }, 'without the subprotocol')
  await t.rejects(connect({ origin: 'https://elsewhere.example' }), { message: '403' })
  await t.rejects(
    connect({ origin: `https://localhost:${port}` }),
    { message: '403' },
    'another scheme is another origin',
  )
  for (const origin of [`http://localhost:${port}`, 'https://friend.example'])
    (await connect({ origin })).websocket.terminate()
  const any = await serverFor(t, { config: { listeners: { http: { origins: ['*'] } } } })
  ;(await any.connect({ origin: 'https://elsewhere.example' })).websocket.terminate()
})

t.test('a client that answers no ping is gone after the second', async t => {
  const { connect, server } = await serverFor(t)
  const deaf = await signedIn(connect, 'bob')
  const alive = await signedIn(connect, 'alice')
  // `ws` answers pings by itself unless it is told not to.
  ;(deaf.websocket as unknown as { _autoPong: boolean })._autoPong = false
  let pings = 0
  const pinged = () => new Promise<void>(resolve => alive.websocket.once('ping', () => resolve(void pings++)))
  for (let round = 0; round < 2; round++) {
    const ping = pinged()
    await server.pass(29_999)
    server.clock.advance(1)
    await ping
    // Its answer comes before the answer to what is sent after it.
    alive.send(`<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='${NS.ping}'/></iq>`)
    await alive.next()
  }
  t.equal((await deaf.closed()).code, 1006)
  t.equal(pings, 2)
  t.equal(server.connections, 1, 'the other one is there')
})

t.test('sign-in takes no longer than over TCP', async t => {
  const { connect, server } = await serverFor(t, { config: { limits: { 'sign-in-seconds': 20 } } })
  const client = await connect()
  await client.open()
  await server.pass(20_000)
  t.match((await client.closed()).messages.join(), 'connection-timeout')
})

t.test('the server stops: system-shutdown, and the WebSocket is closed', async t => {
  const { connect, server } = await serverFor(t)
  const alice = await signedIn(connect, 'alice')
  server.stop()
  const { code, messages } = await alice.closed()
  t.equal(code, 1000)
  t.match(messages, [/system-shutdown/, CLOSE])
})

t.test('wss, with the certificate of the listeners', async t => {
  const { port } = await serverFor(t, { config: { listeners: { http: { tls: true } } } })
  const client = await WebSocketClient.connect({ url: `wss://localhost:${port}/ws` })
  t.match(await client.open(), '<mechanism>SCRAM-SHA-256-PLUS</mechanism>', 'which binds to the channel')
  client.websocket.terminate()
})
