/** A thousand claims at once on five hundred keys: each key goes to one, the others get the key of last resort. */
import t, { type Test } from 'tap'
import { withoutCassandra } from '../support/cassandra.ts'
import type { RawClient } from '../support/raw-client.ts'
import { KeyMaker } from '../support/signal-keys.ts'
import { signedIn } from '../support/signed-in.ts'
import { standingCluster } from '../support/standing-cluster.ts'
import { TestServer, type TestServerOptions } from '../support/test-server.ts'

const KEYS = 500
const CLAIMS = 1_000
const CLIENTS = 10
/** What one upload takes within the size of a stanza. */
const AT_ONCE = 50
const OPTIONS = {
  'keys-per-device': KEYS,
  'claims-per-hour': 1_000_000,
  'claims-per-contact': 1_000_000,
  few: 0,
}

const MODES: Readonly<Record<string, TestServerOptions>> = {
  sqlite: { storage: 'sqlite' },
  'two nodes': { nodes: 2, storage: 'sqlite' },
  ...(withoutCassandra() === undefined && {
    'two nodes on Redis and Cassandra': { ground: await standingCluster(t, 2) },
  }),
}

const maker = new KeyMaker(1)
const keys = maker.keys(2, KEYS + 1)
const uploads = [maker.publish(...maker.first(1, 1))]
for (let i = 0; i < keys.length; i += 2 * AT_ONCE)
  uploads.push(maker.publish(...keys.slice(i, i + 2 * AT_ONCE)))

t.setTimeout(300_000)
for (const [mode, options] of Object.entries(MODES))
  t.test(mode, async t => {
    const accounts = ['alice', ...Array.from({ length: CLIENTS }, (_, i) => `c${i}`)].map(
      name => [`${name}@localhost`, 'secret'] as const,
    )
    const config = { extensions: { prekeys: OPTIONS }, limits: { 'bytes-per-second': false } }
    const server = await TestServer.start({ ...options, accounts, config })
    t.teardown(() => server.close())
    const port = (i: number): number => server.ports[i % server.ports.length]!.tcp
    const alice = await signedIn(t, port(0), 'alice', 'secret')
    for (const [i, upload] of uploads.entries()) {
      alice.send(`<iq type="set" id="u${i}">${upload}</iq>`)
      await alice.expect(`<stock xmlns="tidings:prekeys:0" one-time="${i * AT_ONCE}" kyber="${i * AT_ONCE}"`)
    }
    const clients: RawClient[] = []
    for (let i = 0; i < CLIENTS; i++) clients.push(await signedIn(t, port(i), `c${i}`, 'secret'))
    await race(t, clients)
    for (const client of [alice, ...clients]) client.socket.destroy()
  })

async function race(t: Test, clients: readonly RawClient[]): Promise<void> {
  const started = performance.now()
  for (let i = 0; i < CLAIMS; i++)
    clients[i % CLIENTS]!.send(
      `<iq type="set" to="alice@localhost" id="k${i}"><claim xmlns="tidings:prekeys:0"/></iq>`,
    )
  const answers = clients.map(async client => {
    const found: string[] = []
    while (found.length < CLAIMS / CLIENTS) found.push((await client.expect(/<iq [^>]*id="k\d.*?<\/iq>/s))[0])
    return found
  })
  const all = (await Promise.all(answers)).flat()
  const ids = (name: string): string[] =>
    all.flatMap(answer => new RegExp(`<${name} id="(\\d+)"`).exec(answer)?.[1] ?? [])
  for (const name of ['one-time', 'kyber']) {
    t.equal(ids(name).length, KEYS, `${name}: so many were given`)
    t.equal(new Set(ids(name)).size, KEYS, `${name}: none of them twice`)
  }
  t.same(new Set(ids('last-resort')), new Set(['1']))
  t.equal(ids('last-resort').length, CLAIMS - KEYS, 'the others got the key of last resort')
  t.equal(ids('signed').length, CLAIMS)
  t.comment(`${CLAIMS} claims in ${Math.round(performance.now() - started)} ms`)
}
