/** Whole servers that meet in a real Redis, as configured: two clients on different nodes chat, also while nodes come and go. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startRedis } from '../../scripts/services/redis.ts'
import { Accounts } from '../../src/auth/accounts.ts'
import { configFrom } from '../../src/config/load.ts'
import { systemClock } from '../../src/core/clock.ts'
import { extensions } from '../../src/extensions/index.ts'
import { startServer } from '../../src/main.ts'
import type { Server } from '../../src/server.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { settle } from '../support/settled-redis.ts'
import { signedIn } from '../support/signed-in.ts'
import { testCertificates } from '../support/test-server.ts'

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin']
const redis = await startRedis({ password: 'of tests' })
// The rights that docs/operating.md asks for, and no other.
const RIGHTS = ['-@all', '+@read', '+@write', '+@scripting', '+@pubsub', '+info', '+time']
redis.servers[0]!.run(['acl', 'setuser', 'tidings', 'reset', 'on', '>of tests', '~*', '&*', ...RIGHTS])
const certificates = await testCertificates()
t.teardown(() => Promise.all([redis.stop(), certificates.close()]))

async function node(t: Test, storage: Storage, prefix: string, tls: boolean) {
  const data = await mkdtemp(join(tmpdir(), 'tidings-cluster-'))
  const listener = { address: '127.0.0.1', port: 0 }
  const config = configFrom(
    {
      data,
      storage: { kind: 'memory' },
      cluster: {
        kind: 'redis',
        redis: { address: redis.servers[0]!.address, user: 'tidings', password: 'of tests', prefix },
        links: { port: 0, secret: 'a secret of all nodes', tls },
      },
      listeners: { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics: false },
    },
    { extensions, directory: data },
  )
  const server = await startServer(config, { storage, certificates, control: false })
  t.teardown(async () => {
    await server.stop()
    await rm(data, { recursive: true, force: true })
  })
  return server
}

for (const tls of [false, true])
  t.test(
    `clients on different nodes chat, over links ${tls ? 'with' : 'without'} TLS, and homes follow the nodes`,
    async t => {
      const prefix = `servers-${tls}`
      settle(redis, prefix)
      const storage = memoryStorage({ clock: systemClock })
      t.teardown(() => storage.close())
      const accounts = new Accounts(storage, { iterations: 1 })
      for (const name of NAMES) await accounts.create(JID.parse(`${name}@localhost`), 'secret')
      const one = await node(t, storage, prefix, tls)
      const alice = await signedIn(t, one.ports.xmpp!, 'alice', 'secret')
      const two = await node(t, storage, prefix, tls)
      const clients = await Promise.all(
        NAMES.slice(1, 4).map(name => signedIn(t, two.ports.xmpp!, name, 'secret')),
      )
      const chat = async (id: string): Promise<void> => {
        for (const [i, client] of clients.entries()) {
          const to = NAMES[i + 1]
          alice.send(
            `<message type='chat' to='${to}@localhost' id='${id}-${to}'><body>hi ${id}</body></message>`,
          )
          await client.expect(`<body>hi ${id}</body>`)
          client.send(
            `<message type='chat' to='alice@localhost' id='${id}-from-${to}'><body>back ${id} ${to}</body></message>`,
          )
          await alice.expect(`<body>back ${id} ${to}</body>`)
        }
      }
      await chat('before')
      const homes = (server: Server): number =>
        NAMES.filter(name => server.router.cluster.homeOf(`${name}@localhost`) === server.router.cluster.node)
          .length
      const three = await node(t, storage, prefix, tls)
      const erin = await signedIn(t, three.ports.xmpp!, 'erin', 'secret')
      await chat('while homes move')
      t.ok(homes(one) + homes(two) + homes(three) <= NAMES.length)
      erin.send('</stream:stream>')
      await three.stop()
      await chat('after a node has left')
      t.equal(homes(one) + homes(two), NAMES.length)
    },
  )
