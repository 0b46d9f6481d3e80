/** ARCHITECTURE §9: a node dies, and its clients come to another one, which finds in Redis how far they had come. */
import t, { type Test } from 'tap'
import { startRedis } from '../../scripts/services/redis.ts'
import { connectRedis } from '../../src/cluster/redis/connect.ts'
import { slotOf } from '../../src/cluster/slots.ts'
import { storageOf } from '../../src/storage/front.ts'
import { memoryEngine } from '../../src/storage/memory.ts'
import { redisEphemeral } from '../../src/storage/redis.ts'
import { PASSWORD, session } from '../support/c2s.ts'
import { groundOver } from '../support/ground.ts'
import { answered, ids, managed, resuming } from '../support/managed.ts'
import type { RawClient } from '../support/raw-client.ts'
import { TestServer } from '../support/test-server.ts'

const NODES = 3
/** Where the client is that is to come again. */
const DIES = 0
const NAMES = ['alice', 'carol', 'dave', 'erin', 'frank', 'grace']
const redis = await startRedis()
t.teardown(() => redis.stop())

/** Commands that Redis has done for others. */
function commands(): number {
  const stats = redis.servers[0]!.run(['info', 'commandstats'])
  const evals = /cmdstat_eval:calls=(\d+)/.exec(stats)?.[1]
  return Number(evals ?? 0)
}

let count = 0

async function start(t: Test): Promise<TestServer> {
  const connection = connectRedis({ address: redis.servers[0]!.address }, () => {})
  await new Promise<void>(resolve => connection.once('ready', () => resolve()))
  const prefix = `recovery${++count}`
  const server = await TestServer.start({
    accounts: [...NAMES, 'bob'].map(name => [`${name}@localhost`, PASSWORD] as const),
    ground: async ({ clock }) =>
      groundOver(NODES, storageOf(memoryEngine({ clock }), redisEphemeral(connection, { prefix }), clock)),
    config: { extensions: { archive: {} } },
  })
  t.teardown(() => server.close())
  return server
}

const chat = (to: string, id: string): string =>
  `<message to='${to}@localhost' type='chat' id='${id}'><body>${id}</body>` +
  `<origin-id xmlns='urn:xmpp:sid:0' id='${id}'/></message>`

async function bound(client: RawClient, resource: string): Promise<void> {
  client.send(
    `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
  )
  await client.expect('</iq>')
}

// The home of some of them dies with their connection, that of others lives.
for (const name of NAMES)
  t.test(`${name}, whose home is node ${slotOf(`${name}@localhost`) % NODES}`, async t => {
    const server = await start(t)
    const port = (node: number): number => server.ports[node]!.tcp
    const bob = await session(port(1), 'bob', 'b')
    bob.send('<presence/>')
    await answered(bob, 'ready')
    const { client, id } = await managed(port(DIES), name, 'a')
    client.send('<presence/>')
    for (const text of ['1', '2', '3']) client.send(chat('bob', text))
    await answered(client, 'all')
    for (const text of ['4', '5']) bob.send(chat(name, text))
    t.same(ids(await answered(bob, 'sent')), ['1', '2', '3'])
    await server.settled()
    // What it has sent is in its record a second later.
    await server.pass(1_000)
    server.kill(DIES)
    client.socket.resetAndDestroy()
    bob.send(chat(name, '6'))
    await answered(bob, 'while-away')

    const again = await resuming(port(2), name, id, 0)
    // XEP-0198 §5: the number of stanzas received: presence, three messages, a ping.
    await again.expect('<failed xmlns="urn:xmpp:sm:3" h="5"><item-not-found')
    await bound(again, 'a')
    again.send('<presence/>')
    // It had no answer to the third one, and sends it once more.
    again.send(chat('bob', '3'))
    again.send(chat('bob', '7'))
    const [got] = await again.expect(/^[\s\S]*id="6"[\s\S]*?<\/message>/)
    t.same(ids(got), ['4', '5', '6'])
    await answered(again, 'there')
    t.same(ids(await answered(bob, 'last')), ['7'])
    for (const { socket } of [bob, again]) socket.destroy()
  })

t.test('all records of a second are one command', async t => {
  const server = await start(t)
  const clients = await Promise.all(
    NAMES.map(async (name, n) => (await managed(server.ports[n % 2]!.tcp, name, 'a')).client),
  )
  for (const client of clients) for (let n = 0; n < 20; n++) client.send(chat('bob', `${n}`))
  await Promise.all(clients.map(client => answered(client, 'all')))
  await server.settled()
  const before = commands()
  await server.pass(1_000)
  t.equal(commands() - before, 2, 'one for each node')
  for (const { socket } of clients) socket.destroy()
})
