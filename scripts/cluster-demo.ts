/**
 * `npm run cluster:demo`: a whole cluster on this machine: Redis, Cassandra, three nodes, and two clients at different nodes that chat. It
 * installs what is missing, needs no container engine, says where everything is, and runs until Ctrl-C. Nothing is left behind.
 */
import { client, xml } from '@xmpp/client'
import { startCassandra } from './services/cassandra.ts'
import { ClusterProcesses } from './services/cluster.ts'
import { startRedis } from './services/redis.ts'

/** To see how the nodes share what there is, and to go on by hand. */
const PEOPLE = ['alice', 'bob', 'carol', 'dave']
const PASSWORD = 'demo'
/** Enough for a demonstration, MiB. */
const CASSANDRA_HEAP = 512

const started = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${text}`)

const stopped = new Promise<void>(resolve => process.once('SIGINT', resolve).once('SIGTERM', resolve))
await using parts = new AsyncDisposableStack()
const [redis, cassandra] = await Promise.all([startRedis(), startCassandra({ heap: CASSANDRA_HEAP })])
parts.adopt(redis, one => one.stop())
parts.adopt(cassandra, one => one.stop())
say(`Redis at ${redis.servers[0]!.address}, Cassandra at ${cassandra.address}:${cassandra.port}`)

const { nodes, folder } = parts.adopt(await ClusterProcesses.start({ redis, cassandra }), one => one.stop())
const [first, second, third] = nodes
say(`${nodes.length} nodes, for clients at ${nodes.map(({ port }) => `127.0.0.1:${port}`).join(', ')}`)

for (const name of PEOPLE) await first!.run(['user', 'add', `${name}@localhost`, '--password', PASSWORD])
say(`${PEOPLE.length} accounts made`)
await chat(first!.port, second!.port)
console.log(await first!.run(['cluster']))
console.log(`Accounts: ${PEOPLE.map(name => `${name}@localhost`).join(', ')}, password "${PASSWORD}", without TLS. The nodes' configurations: ${folder}
Try: npx tidings drain --seconds 5 --config ${third!.config}
     npx tidings cluster --config ${first!.config}
Ctrl-C ends everything.`)
if (!process.argv.includes('--once')) await stopped

/** Has two clients at two nodes write to each other. */
async function chat(port: number, other: number): Promise<void> {
  const [alice, bob] = [connect('alice', port), connect('bob', other)]
  await Promise.all([alice.start(), bob.start()])
  for (const one of [alice, bob]) await one.send(xml('presence'))
  const answered = heard(alice)
  const asked = heard(bob)
  await alice.send(message('bob', 'Which node are you at?'))
  say(`bob at port ${other} reads "${await asked}"`)
  await bob.send(message('alice', 'Not at yours.'))
  say(`alice at port ${port} reads "${await answered}"`)
  await Promise.all([alice.stop(), bob.stop()])
}

function connect(username: string, port: number): ReturnType<typeof client> {
  const entity = client({
    service: `xmpp://127.0.0.1:${port}`,
    domain: 'localhost',
    username,
    password: PASSWORD,
    resource: 'demo',
  })
  entity.reconnect.stop()
  return entity
}

function message(to: string, text: string): ReturnType<typeof xml> {
  return xml('message', { to: `${to}@localhost/demo`, type: 'chat' }, xml('body', {}, text))
}

/** What a client is told next. */
function heard(entity: ReturnType<typeof client>): Promise<string> {
  return new Promise(resolve => {
    entity.on('stanza', stanza => {
      const text = stanza.is('message') ? stanza.getChildText('body') : null
      if (text !== null) resolve(text)
    })
  })
}
