/** RFC 6120 §4: streams, before anybody has signed in. */
import t from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { c2s, header, plainAuth, session, signIn } from '../support/c2s.ts'
import { RawClient } from '../support/raw-client.ts'

const OPEN = { listen: { tls: 'off' } } as const

/** The defined condition of a stream error, and that it ends the stream: RFC 6120 §4.9.1.1. */
function streamError(condition: string): RegExp {
  return new RegExp(
    `^<stream:error><${condition} xmlns="${NS.streamErrors}"/>(<text [^>]*>[^<]*</text>)?</stream:error></stream:stream>$`,
  )
}

/** Our stream header. */
const HEADER =
  /^<\?xml version='1.0'\?><stream:stream xmlns='jabber:client' xmlns:stream='([^']*)' from='([^']*)'( to='([^']*)')? id='([^']+)' version='1.0' xml:lang='en'>/

t.test('our header answers theirs', async t => {
  const { port } = await c2s(t, OPEN)
  const first = await RawClient.connect(port)
  first.send(header("to='LOCALHOST' from='Alice@localhost' version='1.0'"))
  const [, namespace, from, , to, id] = await first.expect(HEADER)
  t.same([namespace, from, to], [NS.stream, 'localhost', 'alice@localhost'])
  const second = await RawClient.connect(port)
  second.send(header("to='other.example' version='1.12' xml:lang='de'"))
  const [, , otherHost, , nobody, otherId] = await second.expect(HEADER)
  t.same([otherHost, nobody], ['other.example', undefined])
  // RFC 6120 §4.7.3: unique.
  t.not(id, otherId)
  t.ok(String(id).length >= 16)
})

t.test('features follow the header at once', async t => {
  const { port } = await c2s(t, OPEN)
  const client = await RawClient.connect(port)
  client.send(header())
  await client.expect(HEADER)
  const [features] = await client.expect(/^<stream:features>.*<\/stream:features>$/)
  t.match(features, `<mechanisms xmlns="${NS.sasl}"><mechanism>SCRAM-SHA-512</mechanism>`)
  t.match(features, '<mechanism>PLAIN</mechanism>')
  t.notMatch(features, 'starttls')
  t.notMatch(features, 'sasl-channel-binding')
  t.match(features, '<limits xmlns="urn:xmpp:stream-limits:0"><max-bytes>10240</max-bytes></limits>')
})

const BAD_HEADERS: [string, string, string][] = [
  // RFC 6120 §4.9.3.6
  ['host-unknown', 'a host that is not here', header("to='elsewhere.example' version='1.0'")],
  ['host-unknown', 'an account for a host', header("to='alice@localhost' version='1.0'")],
  ['host-unknown', 'a resource for a host', header("to='localhost/x' version='1.0'")],
  ['host-unknown', 'no address for a host', header("to='@' version='1.0'")],
  ['improper-addressing', 'no host', header("version='1.0'")],
  // RFC 6120 §4.9.3.25
  ['unsupported-version', 'no version', header("to='localhost'")],
  ['unsupported-version', 'version 0.9', header("to='localhost' version='0.9'")],
  ['unsupported-version', 'a version that is none', header("to='localhost' version='one'")],
  // RFC 6120 §4.9.3.10
  ['invalid-namespace', 'another stream namespace', header().replace(NS.stream, 'http://wrong.example/')],
  ['invalid-namespace', 'the namespace of servers', header().replace(NS.client, NS.server)],
  // RFC 6120 §4.9.3.1
  ['bad-format', 'no stream', header().replace('<stream:stream', '<stream:flood')],
  // RFC 6120 §4.9.3.2
  ['bad-namespace-prefix', 'no prefix', header().replace('<stream:stream', '<stream')],
  // RFC 6120 §4.9.3.13
  ['not-well-formed', 'no XML', 'GET / HTTP/1.1\r\n\r\n'],
  ['not-well-formed', 'a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01'],
  // RFC 6120 §4.9.3.18
  ['restricted-xml', 'a document type', `<!DOCTYPE stream>${header()}`],
  ['restricted-xml', 'a comment', `<!-- hello -->${header()}`],
  // RFC 6120 §4.9.3.22
  [
    'unsupported-encoding',
    'another encoding',
    header().replace("version='1.0'?>", "version='1.0' encoding='latin1'?>"),
  ],
  // RFC 6120 §4.9.3.14
  ['policy-violation', 'a header without end', `<stream:stream ${' '.repeat(11_000)}`],
]

t.test('a header that is refused is answered with a header, an error and a close', async t => {
  const { port } = await c2s(t, OPEN)
  for (const [condition, what, text] of BAD_HEADERS) {
    const client = await RawClient.connect(port)
    client.send(text)
    // RFC 6120 §4.9.1.2: the response header comes first all the same.
    await client.expect(HEADER)
    t.match(await client.end(), streamError(condition), `${what}: ${condition}`)
  }
})

t.test('nothing but signing in is allowed before sign-in', async t => {
  const { port } = await c2s(t, OPEN)
  // RFC 6120 §4.9.3.12
  const early = [
    "<message to='bob@localhost'><body>hi</body></message>",
    '<presence/>',
    `<iq type='set' id='1'><bind xmlns='${NS.bind}'/></iq>`,
    "<r xmlns='urn:xmpp:sm:3'/>",
  ]
  for (const text of early) {
    const client = await RawClient.connect(port)
    client.send(header())
    await client.expect('</stream:features>')
    client.send(text)
    t.match(await client.end(), streamError('not-authorized'), text)
  }
})

t.test('one byte at a time makes no difference', async t => {
  const { port } = await c2s(t, OPEN)
  const client = await RawClient.connect(port)
  const slowly = async (text: string, answer: string): Promise<void> => {
    for (const byte of Buffer.from(text)) {
      client.send(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    t.ok(await client.expect(answer), answer)
  }
  await slowly(header(), '</stream:features>')
  await slowly(plainAuth('alice'), '<success')
  await slowly(header(), '</stream:features>')
  await slowly(`<iq type='set' id='1'><bind xmlns='${NS.bind}'/></iq>`, '</bind></iq>')
  await slowly("<iq type='get' id='2' to='localhost'><what xmlns='ever'/></iq>", 'service-unavailable')
})

t.test('everything at once makes none either', async t => {
  const { port } = await c2s(t, OPEN)
  const client = await RawClient.connect(port)
  const bind = `<iq type='set' id='1'><bind xmlns='${NS.bind}'/></iq>`
  const ping = "<iq type='get' id='2' to='localhost'><what xmlns='ever'/></iq>"
  client.send(`${header()} ${plainAuth('alice')}\n${header()}${bind}${ping}</stream:stream>`)
  await client.expect(/<success .*<\?xml .*<stream:features>.*<\/bind><\/iq>/)
  await client.expect(/^<iq [^>]*id="2".*service-unavailable.*<\/iq><\/stream:stream>$/)
  t.equal(await client.end(), '')
})

t.test('white space between elements keeps the stream alive and means nothing', async t => {
  const { port } = await c2s(t, OPEN)
  const client = await RawClient.connect(port)
  client.send(header())
  await client.expect('</stream:features>')
  client.send(' \r\n\t ')
  client.send(`${plainAuth('alice')} `)
  await client.expect(/<success[^>]*\/>/)
  client.send(' ')
  client.send(header())
  await client.expect('</stream:features>')
  client.send(' ')
  client.send('</stream:stream>')
  t.equal(await client.end(), '</stream:stream>')
})

t.test('a client that closes its stream gets ours closed: RFC 6120 §4.4', async t => {
  const { port, server } = await c2s(t, OPEN)
  const before = await RawClient.connect(port)
  before.send(header())
  await before.expect('</stream:features>')
  before.send('</stream:stream>')
  t.equal(await before.end(), '</stream:stream>')
  const after = await session(port, 'alice', 'a')
  after.send('</stream:stream>')
  t.equal(await after.end(), '</stream:stream>')
  for (const client of [before, after]) client.socket.end()
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
})

t.test('a client that ends its side of the connection gets its answers, then the close', async t => {
  const { port } = await c2s(t, OPEN)
  const client = await RawClient.connect(port)
  await signIn(client, 'alice', 'a')
  client.socket.end("<iq type='get' id='2' to='localhost'><what xmlns='ever'/></iq>")
  await client.expect('service-unavailable')
  t.match(await client.end(), /<\/iq><\/stream:stream>$/)
})

t.test('a client that vanishes leaves nothing behind', async t => {
  const { port, server, router } = await c2s(t, OPEN)
  const negotiating = await RawClient.connect(port)
  negotiating.send(header())
  await negotiating.expect('</stream:features>')
  const bound = await session(port, 'alice', 'a')
  t.same(server.counts, { connections: 2, unauthenticated: 1 })
  negotiating.socket.resetAndDestroy()
  bound.socket.resetAndDestroy()
  while (server.counts.connections > 0 || router.homes.sessions > 0) await new Promise(setImmediate)
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
  t.equal(router.homes.sessions, 0)
})

t.test('a stream that is restarted is checked again', async t => {
  const { port } = await c2s(t, OPEN)
  const restarted = async (attributes: string): Promise<string | undefined> => {
    const client = await RawClient.connect(port)
    client.send(header())
    await client.expect('</stream:features>')
    client.send(plainAuth('alice'))
    await client.expect(/<success[^>]*\/>/)
    client.send(header(attributes))
    await client.expect(HEADER)
    return (await client.expect(/^<stream:(?:features|error)><([a-z-]+) /))[1]
  }
  t.equal(await restarted("to='localhost' from='alice@localhost' version='1.0'"), 'bind')
  t.equal(await restarted("to='other.example' version='1.0'"), 'not-authorized')
  // RFC 6120 §4.9.3.7
  t.equal(await restarted("to='localhost' from='bob@localhost' version='1.0'"), 'invalid-from')
})
