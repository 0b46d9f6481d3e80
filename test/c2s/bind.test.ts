/** RFC 6120 §7: resource binding, after sign-in. */
import t, { type Test } from 'tap'
import type { C2sRouter } from '../../src/c2s/options.ts'
import { defineExtension } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { bindRequest, c2s, header, passing, plainAuth, session, type TestC2sOptions } from '../support/c2s.ts'
import { RawClient } from '../support/raw-client.ts'

/** A server and a way to get a client up to where it has to bind. */
async function binding(t: Test, options: TestC2sOptions = {}) {
  const server = await c2s(t, { listen: { tls: 'off' }, ...options })
  const signedIn = async (): Promise<RawClient> => {
    const client = await RawClient.connect(server.port)
    client.send(header())
    await client.expect('</stream:features>')
    client.send(plainAuth('alice'))
    await client.expect(/<success[^>]*>/)
    client.send(header())
    await client.expect('</stream:features>')
    return client
  }
  return { ...server, signedIn }
}

t.test('a resource that the client asks for, prepared', async t => {
  const { signedIn } = await binding(t)
  const client = await signedIn()
  // RFC 7622 §3.4.1: OpaqueString maps a space that is not ASCII.
  client.send(bindRequest('my\u00a0phone'))
  const [answer] = await client.expect(/<iq.*<\/iq>/)
  t.equal(
    answer,
    `<iq type="result" id="bind"><bind xmlns="${NS.bind}"><jid>alice@localhost/my phone</jid></bind></iq>`,
  )
})

t.test('a resource that the server makes up', async t => {
  const { signedIn } = await binding(t)
  const resources = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const client = await signedIn()
    client.send(`<iq type='set' id='bind'><bind xmlns='${NS.bind}'/></iq>`)
    const [, resource] = await client.expect(/<jid>alice@localhost\/([^<]{12,})<\/jid>/)
    resources.add(String(resource))
  }
  t.equal(resources.size, 3)
})

t.test('what is wrong is answered, and may be tried again', async t => {
  const { signedIn } = await binding(t)
  const client = await signedIn()
  const refused = `<iq type="error" id="bind"><error type="modify"><bad-request xmlns="${NS.stanzaErrors}"/>`
  // RFC 6120 §7.7.2.1
  for (const request of [
    bindRequest(''),
    bindRequest('a\u0007b'.replace('\u0007', '&#x9;')),
    bindRequest('x'.repeat(1024)),
    bindRequest('x').replace("type='set'", "type='get'"),
    bindRequest('x').replace("type='set'", ''),
  ]) {
    client.send(request)
    t.ok(await client.expect(refused), request.slice(0, 120))
    await client.expect('</iq>')
  }
  client.send(bindRequest('x'))
  t.ok(await client.expect('<jid>alice@localhost/x</jid>'))
})

t.test('the number of failures is bounded', async t => {
  const { signedIn } = await binding(t)
  const client = await signedIn()
  for (let i = 1; i <= 10; i++) {
    client.send(bindRequest(''))
    await client.expect('</iq>')
  }
  // RFC 6120 §7.6.3
  t.match(await client.end(), /^<stream:error><policy-violation /)
})

t.test('a resource that is connected: the newer one replaces it', async t => {
  const { port, router } = await c2s(t, { listen: { tls: 'off' } })
  const older = await session(port, 'alice', 'x')
  const newer = await session(port, 'alice', 'x')
  // RFC 6120 §7.7.2.2
  t.match(await older.end(), /^<stream:error><conflict .*<\/stream:error><\/stream:stream>$/)
  newer.send("<iq type='get' id='1' to='localhost'><what xmlns='ever'/></iq>")
  t.ok(await newer.expect('service-unavailable'))
  t.equal(router.homes.sessions, 1)
})

t.test('a resource that is connected: the newer one is refused', async t => {
  const { port, signedIn } = await binding(t, { policy: { conflict: 'refuse' } })
  const older = await session(port, 'alice', 'x')
  const newer = await signedIn()
  newer.send(bindRequest('x'))
  t.ok(await newer.expect(`<error type="cancel"><conflict xmlns="${NS.stanzaErrors}"/>`))
  newer.send(bindRequest('y'))
  t.ok(await newer.expect('alice@localhost/y'))
  older.send('</stream:stream>')
  t.equal(await older.end(), '</stream:stream>')
})

t.test('too many sessions of an account', async t => {
  const { port, signedIn } = await binding(t, { policy: { sessionsPerAccount: 1 } })
  await session(port, 'alice', 'x')
  const another = await signedIn()
  another.send(bindRequest('y'))
  // RFC 6120 §7.6.2.1
  t.ok(await another.expect(`<error type="wait"><resource-constraint xmlns="${NS.stanzaErrors}"/>`))
})

/** An extension that holds back the binding of resource `slow` until told, having sent it a message. */
function slowBinding() {
  const started = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const extension = defineExtension({
    name: 'slow-binding',
    doc: 'makes one session wait',
    setup: host => ({
      on: {
        'session:bound': async ({ session }) => {
          if (session.jid.resource !== 'slow') return
          session.send(Stanza.build('message', { from: host.jid, to: session.jid }, xml('body', {}, 'early')))
          started.resolve()
          await gate.promise
        },
      },
    }),
  })
  return { extension, started: started.promise, release: gate.resolve }
}

t.test('what is sent to a session while it is bound comes after the answer', async t => {
  const slow = slowBinding()
  const { signedIn } = await binding(t, { extensions: [slow.extension] })
  const client = await signedIn()
  client.send(bindRequest('slow'))
  await slow.started
  slow.release()
  t.ok(
    await client.expect(
      /<jid>alice@localhost\/slow<\/jid><\/bind><\/iq><message [^>]*><body>early<\/body><\/message>/,
    ),
  )
})

t.test('a client that leaves while it is bound is unbound', async t => {
  const slow = slowBinding()
  const { signedIn, router, server } = await binding(t, { extensions: [slow.extension] })
  const client = await signedIn()
  client.send(bindRequest('slow'))
  await slow.started
  client.socket.resetAndDestroy()
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.equal(router.homes.sessions, 1)
  slow.release()
  await router.settled()
  t.equal(router.homes.sessions, 0)
})

t.test('a session that is replaced while it is bound is closed when it is', async t => {
  const slow = slowBinding()
  const { signedIn, router } = await binding(t, { extensions: [slow.extension] })
  const older = await signedIn()
  older.send(bindRequest('slow'))
  await slow.started
  const newer = await signedIn()
  newer.send(bindRequest('slow'))
  // The account's lane makes the second wait for the first; neither is answered until that goes on.
  slow.release()
  t.match(await older.end(), /<stream:error><conflict .*<\/stream:error><\/stream:stream>$/)
  t.ok(await newer.expect('<jid>alice@localhost/slow</jid>'))
  await router.settled()
  t.equal(router.homes.sessions, 1)
})

t.test('a fault of ours while binding ends the stream', async t => {
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    bind: () => Promise.reject(new TypeError('a fault')),
  })
  const { signedIn } = await binding(t, { between })
  const client = await signedIn()
  client.send(bindRequest('x'))
  t.match(await client.end(), /^<stream:error><internal-server-error [^>]*><\/?/)
  t.notMatch(client.text, 'a fault')
})

t.test('a client that ends its side of the connection while it is bound has closed its stream', async t => {
  const slow = slowBinding()
  const { signedIn, router } = await binding(t, { extensions: [slow.extension] })
  const client = await signedIn()
  client.send(bindRequest('slow'))
  await slow.started
  client.socket.end()
  // Long enough for the server to have read the end.
  for (let i = 0; i < 100; i++) await new Promise(setImmediate)
  slow.release()
  t.match(await client.end(), /<jid>alice@localhost\/slow<\/jid><\/bind><\/iq>.*<\/stream:stream>$/)
  await router.settled()
  t.equal(router.homes.sessions, 0)
})
