/** What the operator's listener answers. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { configFrom } from '../../src/config/load.ts'
import { Metrics } from '../../src/core/metrics.ts'
import { extensions } from '../../src/extensions/index.ts'
import { startServer } from '../../src/main.ts'
import { HealthCheck } from '../../src/operations/health.ts'
import { Monitor } from '../../src/operations/monitor.ts'
import type { Server } from '../../src/server.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { type Storage, StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'
import { signedIn } from '../support/signed-in.ts'
import { testCertificates } from '../support/test-server.ts'

const here = { address: '127.0.0.1', port: 0 }

async function started(t: Test, metrics: object = here): Promise<Server> {
  const listeners = { xmpp: { ...here, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics }
  const config = configFrom(
    { listeners, storage: { kind: 'memory' } },
    { extensions, directory: t.testdir() },
  )
  const server = await startServer(config, { certificates: await testCertificates(), control: false })
  t.teardown(() => server.stop())
  return server
}

const ask = (port: number | undefined, path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${port}${path}`, init)

/** Values by the name and labels that a scrape writes before them. */
async function scrape(port: number | undefined): Promise<Map<string, number>> {
  const text = await (await ask(port, '/metrics')).text()
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

t.test('what clients do is counted', async t => {
  const server = await started(t)
  const { metrics: port, xmpp } = server.ports
  for (const name of ['alice', 'bob']) await server.accounts.create(JID.parse(`${name}@localhost`), 'secret')
  const before = await scrape(port)
  t.equal(before.get('tidings_sessions'), 0)
  t.equal(before.get('tidings_info{version="0.1.0"}'), 1)

  const alice = await signedIn(t, xmpp!, 'alice', 'secret')
  const bob = await signedIn(t, xmpp!, 'bob', 'secret')
  for (let n = 0; n < 3; n++)
    alice.send(`<message to='bob@localhost' type='chat'><body>${n}</body></message>`)
  await bob.expect('<body>2</body>')
  alice.send("<message to='carol@localhost' id='x'><body>kept</body></message>")
  await alice.expect('service-unavailable')
  await server.accounts.create(JID.parse('carol@localhost'), 'secret')
  alice.send("<message to='carol@localhost' id='y'><body>kept</body></message>")
  alice.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
  await alice.expect('id="p"')
  await server.settled()

  const after = await scrape(port)
  const expected = {
    tidings_sessions: 2,
    'tidings_connections{state="authenticated"}': 2,
    'tidings_connections{state="unauthenticated"}': 0,
    'tidings_stanzas_total{direction="received",kind="message"}': 5,
    'tidings_stanzas_total{direction="received",kind="presence"}': 2,
    'tidings_stanzas_total{direction="received",kind="iq"}': 1,
    'tidings_stanzas_total{direction="sent",kind="message"}': 4,
    // Three messages that are archived as they arrive, and one that waits.
    tidings_commit_seconds_count: 4,
    'tidings_commit_seconds_bucket{le="+Inf"}': 4,
    // The first of each kind.
    tidings_delivery_seconds_count: 3,
    'tidings_delivery_seconds_bucket{le="5"}': 3,
    tidings_lane_tasks: 0,
    tidings_commits_waiting: 0,
    tidings_outbox_bytes: 0,
    tidings_background_tasks: 0,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(after.get(name), value, name)
  t.ok(after.get('tidings_delivery_seconds_sum')! > 0)
  for (const name of [
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'process_open_fds',
  ])
    t.type(after.get(name), 'number', name)
})

t.test('its form is that of Prometheus', async t => {
  const { ports } = await started(t)
  const response = await ask(ports.metrics, '/metrics')
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const text = await response.text()
  t.match(text, /# HELP tidings_sessions .+\n# TYPE tidings_sessions gauge\ntidings_sessions 0\n/)
  t.match(
    text,
    /# TYPE tidings_delivery_seconds histogram\ntidings_delivery_seconds_bucket\{le="0\.00001"\} 0\n/,
  )
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  t.equal(new Set(names).size, names.length, 'each name is described once')
})

t.test('nothing but /health and /metrics, and only to be read', async t => {
  const { ports } = await started(t)
  t.equal((await ask(ports.metrics, '/')).status, 404)
  t.equal((await ask(ports.metrics, '/metrics/x')).status, 404)
  const post = await ask(ports.metrics, '/health', { method: 'POST', body: 'x' })
  t.equal(post.status, 405)
  t.equal(post.headers.get('allow'), 'GET, HEAD')
  const head = await ask(ports.metrics, '/health', { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(await head.text(), '')
  t.match(await (await ask(ports.metrics, '/health?from=balancer')).json(), { healthy: true, storage: 'ok' })
})

t.test('a place that is taken keeps nobody from chatting', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const server = await started(t, { address: '127.0.0.1', port })
  t.equal(server.ports.metrics, undefined)
  t.match(server.warnings, [/no \/health and \/metrics at 127\.0\.0\.1 port \d+ \(EADDRINUSE\)/])
  t.ok(server.ports.xmpp)
})

/** A monitor over a storage whose updates do what `update` does. */
async function monitored(t: Test, update: () => Promise<void>, draining = () => false) {
  const clock = new ManualClock()
  const storage: Storage = memoryStorage({ clock })
  const rows = Object.assign(storage.table<number>('probe', 'cas'), { update })
  Object.assign(storage, { table: () => rows })
  const monitor = new Monitor({
    metrics: new Metrics(clock),
    health: new HealthCheck(storage, 'localhost', clock, draining),
  })
  const port = await monitor.listen('127.0.0.1', 0)
  t.teardown(() => monitor.close())
  return { clock, port }
}

t.test('a storage that cannot store is no health', async t => {
  let updates = 0
  let full = true
  const { clock, port } = await monitored(t, async () => {
    updates++
    if (full) throw new StorageError('full', 'no space left')
  })
  const response = await ask(port, '/health')
  t.equal(response.status, 503)
  t.match(await response.json(), { healthy: false, storage: 'full', uptime: 0, version: /^\d/ })
  full = false
  t.equal((await ask(port, '/health')).status, 503, 'an answer holds for a while')
  t.equal(updates, 1)
  clock.advance(6_000)
  t.match(await (await ask(port, '/health')).json(), { healthy: true, storage: 'ok', uptime: 6 })
})

t.test('a node that sends its clients away wants no others', async t => {
  let draining = false
  const { port } = await monitored(
    t,
    async () => {},
    () => draining,
  )
  t.match(await (await ask(port, '/health')).json(), { healthy: true, draining: false })
  draining = true
  const response = await ask(port, '/health')
  t.equal(response.status, 503)
  t.match(await response.json(), { healthy: false, storage: 'ok', draining: true })
})

t.test('nor is one that does not answer', async t => {
  const asked = Promise.withResolvers<void>()
  const { clock, port } = await monitored(t, () => {
    asked.resolve()
    return new Promise<void>(() => {})
  })
  const response = ask(port, '/health')
  await asked.promise
  clock.advance(5_000)
  t.match(await (await response).json(), { healthy: false, storage: 'no answer' })
})
