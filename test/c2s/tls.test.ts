/** RFC 6120 §5 (STARTTLS) and XEP-0368 (direct TLS). */
import t from 'tap'
import { NS } from '../../src/xml/ns.ts'
import { c2s, header, plainAuth, signIn } from '../support/c2s.ts'
import { RawClient } from '../support/raw-client.ts'

const STARTTLS = `<starttls xmlns='${NS.tls}'/>`
const PROCEED = `<proceed xmlns="${NS.tls}"/>`

/** A connection whose features are there, and those. */
async function opened(port: number): Promise<{ client: RawClient; features: string }> {
  const client = await RawClient.connect(port)
  client.send(header())
  const [features] = await client.expect(/<stream:features>.*<\/stream:features>/)
  return { client, features }
}

t.test('where TLS is required nothing else is offered', async t => {
  const { port } = await c2s(t)
  const { client, features } = await opened(port)
  t.match(features, `<starttls xmlns="${NS.tls}"><required/></starttls>`)
  t.notMatch(features, 'mechanisms')
  // RFC 6120 §6.5.4: and what is tried all the same may be tried again over TLS.
  client.send(plainAuth('alice'))
  await client.expect(`<failure xmlns="${NS.sasl}"><encryption-required/></failure>`)
  client.send(STARTTLS)
  await client.expect(PROCEED)
  await client.startTls()
  client.send(header())
  const [after] = await client.expect(/<stream:features>.*<\/stream:features>/)
  t.notMatch(after, 'starttls')
  t.match(after, '<mechanism>SCRAM-SHA-512-PLUS</mechanism>')
  // XEP-0440 §2
  t.match(
    after,
    '<sasl-channel-binding xmlns="urn:xmpp:sasl-cb:0"><channel-binding type="tls-exporter"/><channel-binding type="tls-server-end-point"/></sasl-channel-binding>',
  )
})

t.test('where TLS is offered, it is offered and not required', async t => {
  const { port } = await c2s(t, { listen: { tls: 'offered' } })
  const { client, features } = await opened(port)
  t.match(features, `<starttls xmlns="${NS.tls}"/>`)
  t.match(features, '<mechanism>PLAIN</mechanism>')
  client.send(STARTTLS)
  await client.expect(PROCEED)
  await client.startTls()
  await signIn(client, 'alice', 'a')
})

t.test('where it is off, or there already, asking for it ends the stream', async t => {
  const refused = `<failure xmlns="${NS.tls}"/></stream:stream>`
  const off = await c2s(t, { listen: { tls: 'off' } })
  const { client, features } = await opened(off.port)
  t.notMatch(features, 'starttls')
  client.send(STARTTLS)
  // RFC 6120 §5.4.2.2
  t.equal(await client.end(), refused)
  const direct = await c2s(t, { listen: { tls: 'direct' } })
  const encrypted = await RawClient.connectTls(direct.port)
  encrypted.send(header())
  await encrypted.expect('</stream:features>')
  encrypted.send(STARTTLS)
  t.equal(await encrypted.end(), refused)
})

t.test('what was sent in the clear behind starttls is forgotten', async t => {
  const { port } = await c2s(t, { listen: { tls: 'offered' } })
  const { client } = await opened(port)
  // RFC 6120 §5.4.3.3. The classic injection: somebody in between adds to the last packet before the handshake.
  client.send(`${STARTTLS}${header()}${plainAuth('bob')}${header()}<iq type='set' id='evil'/>`)
  await client.expect(PROCEED)
  await client.startTls()
  await signIn(client, 'alice', 'a')
  client.send("<iq type='get' id='last' to='localhost'><what xmlns='ever'/></iq>")
  const [answer] = await client.expect(/^.*id="last".*<\/iq>/)
  t.notMatch(answer, 'evil')
  t.match(answer, 'to="alice@localhost/a"')
})

t.test('what follows in the clear in a packet of its own ends the connection', async t => {
  const { port, server } = await c2s(t, { listen: { tls: 'offered' } })
  const { client } = await opened(port)
  client.send(STARTTLS)
  await client.expect(PROCEED)
  client.send(header() + plainAuth('alice'))
  await client.end()
  t.notMatch(client.text, 'success')
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
})

t.test('the certificate is that of the name in SNI, else of the host the stream was opened for', async t => {
  const { port } = await c2s(t)
  const shown = async (host: string, servername: string): Promise<string | undefined> => {
    const client = await RawClient.connect(port)
    client.send(header(`to='${host}' version='1.0'`))
    await client.expect('</stream:features>')
    client.send(STARTTLS)
    await client.expect(PROCEED)
    await client.startTls({ servername })
    return client.tls.getPeerCertificate().subjectaltname
  }
  t.match(await shown('localhost', 'other.example'), 'DNS:other.example')
  t.match(await shown('other.example', 'localhost'), 'DNS:localhost')
  t.match(await shown('other.example', ''), 'DNS:other.example')
  t.match(await shown('localhost', ''), 'DNS:localhost')
})

t.test('direct TLS knows the protocol xmpp-client and no other', async t => {
  const { port, server } = await c2s(t, { listen: { tls: 'direct' } })
  const silent = await RawClient.connectTls(port)
  t.equal(silent.tls.alpnProtocol, false)
  await signIn(silent, 'alice', 'a')
  const asking = await RawClient.connectTls(port, { ALPNProtocols: ['http/1.1', 'xmpp-client'] })
  t.equal(asking.tls.alpnProtocol, 'xmpp-client')
  await signIn(asking, 'alice', 'b')
  // XEP-0368 §2
  for (const protocol of ['xmpp-server', 'http/1.1'])
    await t.rejects(RawClient.connectTls(port, { ALPNProtocols: [protocol] }), {
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
  t.equal(server.counts.connections, 2)
})

t.test('direct TLS in the clear is no TLS', async t => {
  const { port, server } = await c2s(t, { listen: { tls: 'direct' } })
  const client = await RawClient.connect(port)
  client.send(header())
  t.notMatch(await client.end(), 'stream')
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.equal(server.counts.unauthenticated, 0)
})

t.test('a client that leaves in the middle of the handshake is forgotten', async t => {
  const { port, server } = await c2s(t, { listen: { tls: 'direct' } })
  const half = await RawClient.connect(port)
  // The first bytes of a ClientHello.
  half.send(Buffer.from('16030100c8010000c40303', 'hex'))
  half.socket.end()
  await half.end()
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
})

t.test('bytes that are no record end an encrypted connection', async t => {
  const { port, server, router } = await c2s(t)
  const { client } = await opened(port)
  const plain = client.socket
  client.send(STARTTLS)
  await client.expect(PROCEED)
  await client.startTls()
  await signIn(client, 'alice', 'a')
  plain.write('this is no TLS record')
  while (server.counts.connections > 0 || router.homes.sessions > 0) await new Promise(setImmediate)
  t.equal(router.homes.sessions, 0)
})

t.test('an encrypted stream is closed like a plain one', async t => {
  const { port } = await c2s(t, { listen: { tls: 'direct' } })
  const client = await RawClient.connectTls(port)
  await signIn(client, 'alice', 'a')
  client.send("<iq type='get' id='2' to='localhost'><what xmlns='ever'/></iq></stream:stream>")
  t.match(await client.end(), /^<iq .*service-unavailable.*<\/iq><\/stream:stream>$/)
})
