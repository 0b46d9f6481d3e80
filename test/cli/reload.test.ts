/** `tidings reload` and SIGHUP. */

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { stringify } from 'yaml'
import { selfSigned } from '../../src/tls/x509.ts'
import { RawClient } from '../support/raw-client.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

const listener = { address: '127.0.0.1', port: 0 }
const listeners = { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': listener, http: false, metrics: false }

/** What the server says a client may send before sign-in (XEP-0478). */
async function maxBytes(port: number): Promise<string | undefined> {
  const client = await RawClient.connect(port)
  client.send(HEADER)
  const [features] = await client.expect(/<stream:features.*<\/stream:features>/)
  client.socket.destroy()
  return /<max-bytes>(\d+)</.exec(features)?.[1]
}

async function certificateName(port: number): Promise<string | undefined> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

t.test('a reload applies what can change, and names the rest', async t => {
  const { config, data, folder } = await configured(t, { listeners })
  const server = await serve(t, config)
  const tlsPort = Number((await server.saw(/port (\d+), direct TLS/))[1])
  const reload = () => tidings(['reload', '--config', config])
  t.match(await reload(), { code: 0, out: 'Nothing has changed; certificates were read again.\n' })
  t.equal(await maxBytes(server.port), '10240')

  const pair = { certificate: join(folder, 'b.crt'), key: join(folder, 'b.key') }
  const made = selfSigned({
    commonName: 'another one',
    names: [{ dns: 'localhost' }],
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 86_400_000),
  })
  await writeFile(pair.certificate, made.certificate)
  await writeFile(pair.key, made.key)
  const next = {
    data,
    listeners: { ...listeners, 'xmpp-tls': false },
    limits: { 'stanza-bytes-before-sign-in': 20_000 },
    tls: pair,
    log: { level: 'debug' },
  }
  await writeFile(config, stringify(next))
  const done = await reload()
  t.match(done, { code: 0, err: '' })
  t.strictSame(done.out.trim().split('\n').sort(), [
    'limits.stanza-bytes-before-sign-in: applied',
    'listeners.xmpp-tls.address: needs a restart',
    'listeners.xmpp-tls.port: needs a restart',
    'listeners.xmpp-tls.trusted-proxies: needs a restart',
    'listeners.xmpp-tls: needs a restart',
    'log.level: applied',
    'tls.certificate: applied',
    'tls.key: applied',
  ])
  t.equal(await maxBytes(server.port), '20000')
  t.equal(await certificateName(tlsPort), 'another one')

  await writeFile(
    config,
    stringify({ ...next, limits: { 'stanza-bytes-before-sign-in': 30_000 }, log: { level: 'loud' } }),
  )
  t.match(await reload(), { code: 1, err: /log\.level: expected one of .*\[TIDINGS_CONFIG_INVALID\]/s })
  server.child.kill('SIGHUP')
  await server.saw(/"code":"TIDINGS_RELOAD_FAILED".*TIDINGS_CONFIG_INVALID/)
  t.equal(await maxBytes(server.port), '20000', 'nothing of it was applied')

  const missing = { certificate: join(folder, 'no.crt'), key: join(folder, 'no.key') }
  await writeFile(
    config,
    stringify({ ...next, limits: { 'stanza-bytes-before-sign-in': 30_000 }, tls: missing }),
  )
  t.match(await reload(), { code: 1, err: /\[TIDINGS_CERTIFICATE_UNREADABLE\]/ })
  t.equal(await maxBytes(server.port), '20000', 'nor of one whose certificate is missing')
  t.equal(await certificateName(tlsPort), 'another one')

  await writeFile(config, stringify({ ...next, limits: { 'stanza-bytes-before-sign-in': 30_000 } }))
  server.child.kill('SIGHUP')
  await server.saw(/"live":\["limits\.stanza-bytes-before-sign-in"\].*"configuration read again"/)
  t.equal(await maxBytes(server.port), '30000', 'SIGHUP does the same')
  server.child.kill('SIGTERM')
  t.match(await server.ended, { code: 0 })
})

t.test('without a server there is nothing to reload', async t => {
  const { config } = await configured(t)
  t.match(await tidings(['reload', '--config', config]), { code: 1, err: /\[TIDINGS_NOT_RUNNING\]\n$/ })
})
