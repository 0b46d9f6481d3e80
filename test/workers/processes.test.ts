/** A server of several processes, as people run it. */
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { CountingClient } from '../support/counting-client.ts'
import { ServerProcess } from '../support/server-process.ts'

const ENTRY = join(import.meta.dirname, '../../bin/tidings.js')
const PASSWORD = 'secret'
const listener = { address: '127.0.0.1', port: 0 }
const CONFIG = {
  workers: 2,
  listeners: { xmpp: { ...listener, tls: 'offered' }, 'xmpp-tls': listener, http: listener, metrics: false },
}
const accounts = Array.from({ length: 8 }, (_, n) => [`user${n}@localhost`, PASSWORD] as const)

t.jobs = 1
t.setTimeout(120_000)
const skip = process.platform === 'linux' ? false : 'only Linux tells which processes a server has'

async function start(t: Test): Promise<ServerProcess> {
  const server = await ServerProcess.start({ accounts, config: CONFIG })
  t.teardown(() => server.stop())
  return server
}

function tidings(server: ServerProcess, ...args: string[]): Promise<{ stdout: string }> {
  const config = join(server.data, '../tidings.yaml')
  return promisify(execFile)(process.execPath, [ENTRY, ...args, '--config', config])
}

/** One request over a connection of its own. */
async function post(server: ServerProcess, body: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${server.ports.http}/bosh`, {
    method: 'POST',
    body,
    headers: { connection: 'close' },
  })
  return answer.text()
}

t.test(
  'clients on any worker talk to each other; commands reach all; it ends in order',
  { skip },
  async t => {
    const server = await start(t)
    t.equal(server.workers.length, 2)
    const clients = accounts.map(([address]) => {
      const user = address.split('@')[0]!
      const made = new CountingClient({
        port: () => server.ports.tcp,
        user,
        password: PASSWORD,
        resource: 'r',
      })
      t.teardown(() => made.drop())
      return made
    })
    for (const client of clients) await client.connect('anew')
    for (const [n, client] of clients.entries())
      for (const [address] of accounts) client.send(address, `${n}-${address}`)
    for (const client of clients) await client.allAcknowledged()
    for (const [n, client] of clients.entries()) {
      await client.until(() => client.received.length >= accounts.length)
      const wanted = accounts.map((_, from) => `${from}-user${n}@localhost`)
      t.strictSame(client.received.toSorted(), wanted.toSorted())
    }
    const { stdout } = await tidings(server, 'reload')
    t.match(stdout, 'Nothing has changed')
    await tidings(server, 'user', 'add', 'late@localhost', '--password', PASSWORD)
    await tidings(server, 'user', 'remove', 'user0@localhost')
    await clients[0]!.until(() => !clients[0]!.connected)
    const ended = clients.slice(1).map(client => client.until(() => !client.connected))
    t.equal(await server.end('SIGTERM'), 0)
    await Promise.all(ended)
  },
)

t.test('any worker finds a session of BOSH', { skip }, async t => {
  const server = await start(t)
  const open = `<body xmlns='http://jabber.org/protocol/httpbind' to='localhost' rid='1' ver='1.6' hold='1' wait='1' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>`
  for (let round = 0; round < 6; round++) {
    const [, sid] = / sid='([^']+)'/.exec(await post(server, open)) ?? []
    t.match(sid, /^[12]-/)
    const auth = Buffer.from(`\0user1\0${PASSWORD}`).toString('base64')
    const body = (rid: number, content: string) =>
      `<body xmlns='http://jabber.org/protocol/httpbind' rid='${rid}' sid='${sid}'>${content}</body>`
    const signIn = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${auth}</auth>`
    t.match(await post(server, body(2, signIn)), '<success')
    t.match(
      await post(
        server,
        `<body xmlns='http://jabber.org/protocol/httpbind' rid='3' sid='${sid}' type='terminate'/>`,
      ),
      'terminate',
    )
    t.match(await post(server, body(4, '')), 'item-not-found')
  }
})

t.test('a worker that is killed comes again; without the storage all end', { skip }, async t => {
  const server = await start(t)
  const before = server.workers
  process.kill(before[0]!, 'SIGKILL')
  const others = (): readonly number[] => server.workers.filter(pid => !before.includes(pid))
  while (others().length === 0) await new Promise(resolve => setTimeout(resolve, 20))
  const client = new CountingClient({
    port: () => server.ports.tcp,
    user: 'user1',
    password: PASSWORD,
    resource: 'r',
  })
  t.teardown(() => client.drop())
  await client.connect('anew')
  client.send('user2@localhost', 'kept')
  await client.allAcknowledged()
  const now = server.workers
  await server.end('SIGKILL')
  const alive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  while (now.some(alive)) await new Promise(resolve => setTimeout(resolve, 20))
  t.pass('nobody goes on alone')
})

t.test('a port that another program has is told', async t => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const listeners = { ...CONFIG.listeners, xmpp: { ...listener, port } }
  await t.rejects(ServerProcess.start({ accounts: [], config: { ...CONFIG, listeners } }), {
    message: 'the server ended before it listened',
  })
})
