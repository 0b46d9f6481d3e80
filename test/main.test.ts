/** The composition root, in this process. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DEFAULT_LIMITS } from '../src/c2s/options.ts'
import { configFrom } from '../src/config/load.ts'
import { extensions } from '../src/extensions/index.ts'
import { c2sLimits } from '../src/listen.ts'
import { loadConfig, openOffline, startServer } from '../src/main.ts'
import { JID } from '../src/xml/jid.ts'
import { RawClient } from './support/raw-client.ts'

const listener = { address: '127.0.0.1', port: 0 }

async function config(t: Test, more: object = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-main-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return configFrom(
    { listeners: { xmpp: listener, 'xmpp-tls': listener, http: false }, ...more },
    { extensions, directory },
  )
}

t.test('the limits of the configuration are those of the listeners', async t => {
  t.strictSame(c2sLimits(await loadConfig()), DEFAULT_LIMITS)
  const off = Object.fromEntries(Object.keys((await loadConfig()).limits).map(key => [key, false]))
  // How long a session may be resumed is no limit of a client.
  const none = JSON.stringify(c2sLimits(await config(t, { limits: off })), (key, value) =>
    value === Infinity || key === 'resumeSeconds' ? 'none' : value,
  )
  t.notMatch(none, /:\d/, 'false takes each of them away')
})

t.test('two servers in one process, each with its own accounts', async t => {
  const [one, two] = [await startServer(await config(t)), await startServer(await config(t))]
  await one.accounts.create(JID.parse('alice@localhost'), 'x')
  t.equal(await two.accounts.exists(JID.parse('alice@localhost')), false)
  t.not(one.ports.xmpp, two.ports.xmpp)
  await one.settled()
  await Promise.all([one.stop(), two.stop()])
  await one.stop()
})

t.test('a server with nothing but direct TLS', async t => {
  const server = await startServer(
    await config(t, { listeners: { xmpp: false, 'xmpp-tls': listener, http: false } }),
  )
  t.equal(server.ports.xmpp, undefined)
  const client = await RawClient.connectTls(server.ports['xmpp-tls']!)
  await server.stop()
  await client.end()
})

t.test('a server that cannot start leaves nothing behind', async t => {
  const good = await config(t)
  const server = await startServer(good)
  const port = server.ports.xmpp!
  const bad = await config(t, {
    listeners: { xmpp: listener, 'xmpp-tls': { ...listener, port }, http: false },
  })
  await t.rejects(startServer(bad), { code: 'TIDINGS_PORT_IN_USE' })
  await server.stop()
  const offline = await openOffline(bad)
  await offline.close()
  const again = await startServer(bad)
  t.equal(again.ports['xmpp-tls'], port)
  await again.stop()
})

t.test('loopback is both of its addresses where there are two', async t => {
  const server = await startServer(
    await config(t, { listeners: { xmpp: { port: 0 }, 'xmpp-tls': false, http: false } }),
  )
  const client = await RawClient.connect(server.ports.xmpp!)
  t.notOk(client.ended)
  client.socket.destroy()
  await server.stop()
})

t.test('hosts have the options of their extensions', async t => {
  const server = await startServer(
    await config(t, { hosts: [{ name: 'a.example' }, { name: 'B.example' }], extensions: { ping: false } }),
  )
  t.strictSame(
    server.hosts.map(host => host.domain),
    ['a.example', 'b.example'],
  )
  for (const host of server.hosts) t.notOk(host.extensions.some(({ name }) => name === 'ping'))
  await server.stop()
})
