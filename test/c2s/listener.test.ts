/** Listening sockets: proxies in front of them, and an orderly end. */

import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import type { C2sRouter } from '../../src/c2s/options.ts'
import { JID } from '../../src/xml/jid.ts'
import { StreamError } from '../../src/xml/stream-error.ts'
import { c2s, header, passing, session, signIn } from '../support/c2s.ts'
import { ManualClock } from '../support/clock.ts'
import { RawClient } from '../support/raw-client.ts'

const OPEN = { tls: 'off' } as const
const SHUTDOWN = new StreamError('system-shutdown')
const GOODBYE = /^<stream:error><system-shutdown .*<\/stream:error><\/stream:stream>$/

t.test('a trusted proxy tells whom it brings', async t => {
  const unauthenticated = { total: 10, perAddress: 1 }
  const listen = { ...OPEN, proxies: ['127.0.0.2'] }
  const { port, server } = await c2s(t, { listen, limits: { unauthenticated } })
  const brought = async (line: string): Promise<boolean> => {
    const client = await RawClient.connect(port, '127.0.0.2')
    client.send(`${line}${header()}`)
    return client.expect('</stream:features>').then(
      () => true,
      () => false,
    )
  }
  t.equal(await brought('PROXY TCP4 192.0.2.1 127.0.0.1 1024 5222\r\n'), true)
  t.equal(await brought('PROXY TCP4 192.0.2.1 127.0.0.1 1025 5222\r\n'), false, 'the same client again')
  t.equal(await brought('PROXY TCP4 192.0.2.2 127.0.0.1 1024 5222\r\n'), true, 'another client')
  t.equal(await brought('PROXY UNKNOWN\r\n'), true, 'the proxy itself')
  t.equal(await brought('\r\n'), false, 'no header')
  t.equal(server.counts.unauthenticated, 3)
})

t.test('nobody else is believed to be a proxy', async t => {
  const { port } = await c2s(t, { listen: { ...OPEN, proxies: ['127.0.0.2'] } })
  const client = await RawClient.connect(port, '127.0.0.3')
  client.send(`PROXY TCP4 192.0.2.1 127.0.0.1 1024 5222\r\n${header()}`)
  t.match(await client.end(), 'not-well-formed')
})

t.test('a proxy that is silent has as long as everybody', async t => {
  const clock = new ManualClock()
  const { port, server } = await c2s(t, { listen: { ...OPEN, proxies: ['127.0.0.1'] }, clock })
  const proxy = await RawClient.connect(port)
  proxy.send('PROXY TCP4 ')
  while (server.counts.connections === 0) await new Promise(setImmediate)
  clock.advance(30_000)
  t.equal(await proxy.end(), '')
})

t.test('a proxy in front of direct TLS', async t => {
  const { port } = await c2s(t, { listen: { tls: 'direct', proxies: ['127.0.0.1'] } })
  const plain = await RawClient.connect(port)
  const v2 = Buffer.from(`0d0a0d0a000d0a515549540a2111000cc00002017f00000104001467`, 'hex')
  plain.send(v2)
  await plain.startTls({ ALPNProtocols: ['xmpp-client'] })
  t.equal(plain.tls.alpnProtocol, 'xmpp-client')
  await signIn(plain, 'alice', 'a')
  // Header and handshake in one packet: what the proxy has read ahead.
  const together = await RawClient.connect(port)
  together.socket.cork()
  together.send(v2)
  const handshake = together.startTls()
  setImmediate(() => together.socket.uncork())
  await handshake
  await signIn(together, 'bob', 'b')
  t.ok(together.tls.encrypted)
})

t.test('an orderly end: every stream is told, and all that was sent is handled', async t => {
  const gate = Promise.withResolvers<void>()
  let submitted = 0
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      const settled: Promise<void>[] = []
      return {
        jid: handle.jid,
        submit(stanza) {
          submitted++
          settled.push(gate.promise.then(() => handle.submit(stanza)))
          return settled.at(-1)
        },
        unbind: () => Promise.all(settled).then(() => handle.unbind()),
        acknowledged: () => {},
        stream: () => {},
        move: (node, number) => handle.move(node, number),
      }
    },
  })
  const { port, server, router } = await c2s(t, { listen: OPEN, between })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  const stranger = await RawClient.connect(port)
  stranger.send(header())
  await stranger.expect('</stream:features>')
  const silent = await RawClient.connect(port)
  alice.send("<message to='bob@localhost/b' type='headline'><body>last words</body></message>")
  while (submitted < 1) await new Promise(setImmediate)
  const done = server.shutdown(SHUTDOWN)
  t.match(await stranger.end(), GOODBYE)
  t.match(await silent.end(), 'system-shutdown')
  t.equal(alice.ended, false, 'a stanza of hers is under way')
  gate.resolve()
  t.match(await alice.end(), GOODBYE)
  await bob.end()
  await done
  t.same(server.counts, { connections: 0, unauthenticated: 0 })
  t.equal(router.homes.sessions, 0)
  await t.rejects(RawClient.connect(port), { code: 'ECONNREFUSED' }, 'nobody listens any more')
})

t.test('an end that does not wait for ever: neither for a client nor for a store', async t => {
  const clock = new ManualClock()
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      if (account.local !== 'alice') return handle
      const submit: typeof handle.submit = stanza => handle.submit(stanza)
      const move: typeof handle.move = (node, number) => handle.move(node, number)
      return {
        jid: handle.jid,
        submit,
        acknowledged: () => {},
        stream: () => {},
        move,
        unbind: () => new Promise<void>(() => {}),
      }
    },
  })
  const { port, server } = await c2s(t, { listen: OPEN, clock, between })
  await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  bob.socket.allowHalfOpen = true
  let done = false
  const shutdown = server.shutdown(SHUTDOWN).then(() => {
    done = true
  })
  t.match(await bob.end(), GOODBYE)
  clock.advance(4_999)
  await new Promise(setImmediate)
  t.equal(done, false)
  clock.advance(1)
  await shutdown
  t.equal(server.counts.connections, 0)
})

t.test('who is removed is signed out', async t => {
  const { port, accounts, router } = await c2s(t, { listen: OPEN })
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  const jid = JID.parse('alice@localhost')
  t.ok(await accounts.remove(jid))
  await router.atHome.forget(jid)
  t.match(await alice.end(), /^<stream:error><not-authorized .*<\/stream:error><\/stream:stream>$/)
  bob.send("<iq type='get' id='1' to='localhost'><what xmlns='ever'/></iq>")
  t.ok(await bob.expect('service-unavailable'))
})

t.test('several listeners, and a port that is taken', async t => {
  const { port, server } = await c2s(t, { listen: OPEN })
  const direct = await server.listen({ address: '127.0.0.1', port: 0, tls: 'direct' })
  t.equal(direct.address, '127.0.0.1')
  const plain = await session(port, 'alice', 'a')
  const socket = connectTls({ port: direct.port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  t.equal(server.counts.connections, 2)
  socket.destroy()
  await t.rejects(server.listen({ address: '127.0.0.1', port, tls: 'off' }), {
    code: 'TIDINGS_LISTEN_FAILED',
    message: /127\.0\.0\.1 port \d+: .*EADDRINUSE/,
  })
  plain.send('</stream:stream>')
  t.equal(await plain.end(), '</stream:stream>')
})
