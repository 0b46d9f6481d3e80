/**
 * `npm run cluster:demo`: a whole cluster on this machine: Redis, Cassandra, three nodes, and two clients at different nodes that chat. It
 * installs what is missing, needs no container engine, says where everything is, and runs until Ctrl-C. Nothing is left behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { client, xml } from '@xmpp/client'
import { stringify } from 'yaml'
import { startCassandra } from './services/cassandra.ts'
import { startRedis } from './services/redis.ts'

const TIDINGS = join(import.meta.dirname, '../bin/tidings.js')
const NODES = 3
/** To see how the nodes share what there is, and to go on by hand. */
const PEOPLE = ['alice', 'bob', 'carol', 'dave']
const PASSWORD = 'demo'
/** Enough for a demonstration, MiB. */
const CASSANDRA_HEAP = 512

/** A node that runs. */
interface DemoNode {
  readonly config: string
  readonly child: ChildProcess
  readonly port: number
}

const started = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${text}`)

const stopped = new Promise<void>(resolve => process.once('SIGINT', resolve).once('SIGTERM', resolve))
await using parts = new AsyncDisposableStack()
const folder = await mkdtemp(join(tmpdir(), 'tidings-demo-'))
parts.defer(() => rm(folder, { recursive: true, force: true }))
const [redis, cassandra] = await Promise.all([startRedis(), startCassandra({ heap: CASSANDRA_HEAP })])
parts.adopt(redis, one => one.stop())
parts.adopt(cassandra, one => one.stop())
say(`Redis at ${redis.servers[0]!.address}, Cassandra at ${cassandra.address}:${cassandra.port}`)

const secret = randomBytes(16).toString('hex')
const configs = await Promise.all(Array.from({ length: NODES }, (_, n) => configure(n + 1)))
await run(['storage', 'migrate', '--config', configs[0]!])
const nodes = await Promise.all(configs.map(startNode))
say(`${NODES} nodes, for clients at ${nodes.map(({ port }) => `127.0.0.1:${port}`).join(', ')}`)

for (const name of PEOPLE)
  await run(['user', 'add', `${name}@localhost`, '--password', PASSWORD, '--config', configs[0]!])
say(`${PEOPLE.length} accounts made`)
await chat(nodes[0]!.port, nodes[1]!.port)
console.log(await run(['cluster', '--config', configs[0]!]))
console.log(`Accounts: ${PEOPLE.map(name => `${name}@localhost`).join(', ')}, password "${PASSWORD}", without TLS. The nodes' configurations: ${folder}
Try: npx tidings drain --seconds 5 --config ${configs[2]}
     npx tidings cluster --config ${configs[0]}
Ctrl-C ends everything.`)
if (!process.argv.includes('--once')) await stopped

/** Writes the configuration of a node. */
async function configure(number: number): Promise<string> {
  const config = join(folder, `node${number}.yaml`)
  const here = '127.0.0.1'
  const settings = {
    data: join(folder, `node${number}`),
    hosts: [{ name: 'localhost' }],
    listeners: {
      xmpp: { address: here, port: 0, tls: 'off' },
      'xmpp-tls': false,
      http: false,
      metrics: false,
    },
    storage: {
      kind: 'cassandra',
      cassandra: { 'contact-points': [`${cassandra.address}:${cassandra.port}`], replication: 1 },
    },
    cluster: {
      kind: 'redis',
      redis: { address: redis.servers[0]!.address },
      links: { address: here, port: 0, secret },
    },
  }
  await writeFile(config, stringify(settings))
  return config
}

/** Starts a node; resolves when it says where clients connect. */
async function startNode(config: string): Promise<DemoNode> {
  const child = spawn(process.execPath, [TIDINGS, 'start', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  parts.defer(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2_000)
  })
  let screen = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    screen += text
    const [, port] = /port (\d+)/.exec(screen) ?? []
    if (port !== undefined) return { config, child, port: Number(port) }
  }
  throw new Error(`a node has not started:\n${log}`)
}

/** Runs a command to its end; gives what it printed. */
async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [TIDINGS, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`tidings ${args.join(' ')}: exit code ${code}`)
  return out
}

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
