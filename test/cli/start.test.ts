/** The server as a process: what it says, how it ends, and accounts while it runs. */
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { configured, serve, start, tidings } from '../support/tidings.ts'

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

/** A client that has signed in by PLAIN and bound a resource; or one that was refused. */
async function connected(t: Test, port: number, user: string, password: string): Promise<RawClient> {
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  client.send(HEADER)
  await client.expect('</stream:features>')
  const plain = Buffer.from(`\0${user}\0${password}`).toString('base64')
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`)
  const [answer] = await client.expect(/<success[^>]*>|<not-authorized\/>/)
  if (!answer.startsWith('<success')) return client
  client.send(HEADER)
  await client.expect('</stream:features>')
  client.send(`<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
  await client.expect(/<jid>[^<]+<\/jid>.*<\/iq>/)
  return client
}

t.test('from the first screen to SIGTERM with a client connected', async t => {
  const { config, data } = await configured(t)
  const server = await serve(t, config)
  const { pid } = server.child
  t.match(await server.saw(/certificate loaded/), ['certificate loaded'])

  const user = (...args: string[]) => tidings(['user', ...args, '--config', config])
  t.match(await user('add', 'alice@localhost', '--password', 'secret'), { code: 0, err: '' })
  t.match(await user('add', 'alice@localhost', '--password', 'x'), {
    code: 1,
    err: /\[TIDINGS_ACCOUNT_EXISTS\]\n$/,
  })
  t.match(await user('add', 'bob@localhost', '--password', 'secret'), { code: 0 })
  t.match(await user('list'), { out: 'alice@localhost\nbob@localhost\n' })
  t.equal((await stat(join(data, 'control.sock'))).mode & 0o777, 0o600)
  t.equal((await stat(data)).mode & 0o777, 0o700)

  const alice = await connected(t, server.port, 'alice', 'secret')
  const bob = await connected(t, server.port, 'bob', 'secret')
  t.match(await user('remove', 'bob@localhost'), { code: 0 })
  await bob.expect('<not-authorized')
  t.match(await bob.end(), /<\/stream:stream>$/, 'the sessions of a removed account are closed')
  await connected(t, server.port, 'bob', 'secret')

  t.match(await user('passwd', 'alice@localhost', '--password', 'changed'), { code: 0 })
  await connected(t, server.port, 'alice', 'changed')

  process.kill(pid!, 'SIGTERM')
  await alice.expect(
    /<stream:error><system-shutdown xmlns=['"]urn:ietf:params:xml:ns:xmpp-streams['"]\/><\/stream:error><\/stream:stream>/,
  )
  const { code, out, err } = await server.ended
  t.equal(code, 0)
  await t.rejects(stat(join(data, 'control.sock')), { code: 'ENOENT' })
  t.match(
    out,
    new RegExp(`Tidings serves localhost

  Clients      port \\d+, STARTTLS or none, this machine only \\(127\\.0\\.0\\.1\\)
  Clients      port \\d+, direct TLS, this machine only \\(127\\.0\\.0\\.1\\)
  Data         ${data}
  Certificate  self-made, for localhost.*, until \\d{4}-\\d\\d-\\d\\d: .*
               SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}
  Invitation   xmpp:localhost\\?register;preauth=\\w+
               10 accounts can be made with this link, until .*
  Add account  npx tidings user add alice@localhost --config ${config}
  Stop         Ctrl-C
`),
  )
  const lines = err
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.strictSame(
    lines.filter(({ level }) => level !== 'info'),
    [],
    'nothing went wrong',
  )
  t.match(
    lines.map(({ msg }) => msg),
    ['certificate loaded', 'listening', 'sign-in refused', 'stopping', 'stopped'],
  )
  t.match(await user('list'), { out: 'alice@localhost\n' }, 'and all is stored')
})

t.test('import while it runs', async t => {
  const { config, folder } = await configured(t)
  const server = await serve(t, config)
  const file = join(folder, 'accounts.csv')
  const lines = Array.from({ length: 250 }, (_, i) => `user${i}@localhost,secret\n`)
  await writeFile(file, [...lines, 'user7@localhost,again\n'].join(''))
  const { code, out, err } = await tidings(['user', 'import', file, '--shared-salt', '--config', config])
  t.equal(out, '250 accounts made, 1 lines refused.\n')
  t.match(
    { code, err },
    { code: 1, err: `${file}:251: The account user7@localhost exists already. [TIDINGS_ACCOUNT_EXISTS]\n` },
  )
  await connected(t, server.port, 'user249', 'secret')
})

t.test('Ctrl-C stops in order; the second one at once', async t => {
  const { config } = await configured(t)
  const first = await serve(t, config)
  first.child.kill('SIGINT')
  t.match(await first.ended, { code: 0 })

  await tidings(['user', 'add', 'alice@localhost', '--password', 'x', '--config', config])
  const second = await serve(t, config)
  // A client that never closes its side holds a stop up.
  const alice = await connected(t, second.port, 'alice', 'x')
  alice.socket.allowHalfOpen = true
  second.child.kill('SIGINT')
  await second.saw(/"stopping"/)
  // npm and the terminal both pass a Ctrl-C on: what comes with the first is not the second.
  second.child.kill('SIGINT')
  const pressed = setInterval(() => second.child.kill('SIGINT'), 100)
  t.teardown(() => clearInterval(pressed))
  t.match(await second.ended, { code: 130 })
})

t.test('a port that is in use', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const listener = { address: '127.0.0.1', port: 0 }
  const { config, data } = await configured(t, {
    listeners: { xmpp: listener, 'xmpp-tls': { ...listener, port }, http: false },
  })
  t.match(await tidings(['start', '--config', config]), {
    code: 1,
    out: '',
    err: new RegExp(
      `tidings: port ${port} at 127\\.0\\.0\\.1 is in use by another program: stop that, or set listeners\\.xmpp-tls\\.port \\[TIDINGS_PORT_IN_USE\\]\n$`,
    ),
  })
  await t.rejects(stat(join(data, 'control.sock')), { code: 'ENOENT' })
  t.match(await tidings(['user', 'list', '--config', config]), { code: 0 }, 'the lock is free again')
})

t.test('an address of another machine', async t => {
  const { config } = await configured(t, {
    listeners: { xmpp: { address: '192.0.2.1', port: 0 }, 'xmpp-tls': false, http: false },
  })
  t.match(await tidings(['start', '--config', config]), {
    code: 1,
    err: /tidings: 192\.0\.2\.1 is no address of this machine: set listeners\.xmpp\.address \[TIDINGS_ADDRESS_UNKNOWN\]\n$/,
  })
})

t.test('two servers on the same data', async t => {
  const { config, data } = await configured(t)
  const server = await serve(t, config)
  t.match(await tidings(['start', '--config', config]), {
    code: 1,
    err: `tidings: the data in ${data} are in use by process ${server.child.pid} [TIDINGS_STORAGE_IN_USE]\n`,
  })
})

t.test('two servers in memory on the same folder', async t => {
  const { config } = await configured(t, { storage: { kind: 'memory' } })
  const server = await serve(t, config)
  await server.saw(/in memory: nothing outlives this process/)
  t.match(await tidings(['user', 'add', 'a@localhost', '--password', 'x', '--config', config]), { code: 0 })
  t.match(await tidings(['start', '--config', config]), {
    code: 1,
    err: /another server answers at .* \[TIDINGS_ALREADY_RUNNING\]\n$/,
  })
})

t.test('a socket that a crash has left behind', async t => {
  const { config } = await configured(t)
  const server = await serve(t, config)
  server.child.kill('SIGKILL')
  await server.ended
  t.match(await tidings(['user', 'list', '--config', config]), { code: 0 })
  const again = await serve(t, config)
  t.match(await tidings(['user', 'list', '--config', config]), { code: 0, err: '' })
  again.child.kill('SIGTERM')
  t.match(await again.ended, { code: 0 })
})

t.test('keys whose feature comes later: warned of once, on the screen and in the log', async t => {
  const { config } = await configured(t, { federation: { overrides: { 'peer.example': '127.0.0.1:5269' } } })
  const server = await serve(t, config)
  server.child.kill('SIGTERM')
  const { code, out, err } = await server.ended
  const text =
    'federation.overrides does nothing yet: federation with other servers comes with a later version'
  t.equal(code, 0)
  t.match(out, `  Note         ${text}\n`)
  t.match(
    err
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ level }) => level === 'warn'),
    [{ code: 'TIDINGS_CONFIG_LATER', msg: text }],
  )
})

t.test('an extension that is off since the one that it follows is: the log says so', async t => {
  const { config } = await configured(t, { extensions: { archive: false } })
  const server = await serve(t, config)
  server.child.kill('SIGTERM')
  const { code, err } = await server.ended
  t.equal(code, 0)
  t.match(
    err
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ follows }) => follows !== undefined),
    [
      { level: 'info', extension: 'sequence', follows: 'archive' },
      { level: 'info', extension: 'status', follows: 'archive' },
    ],
  )
})

t.test('nodes of a cluster need a secret and a storage that they share', async t => {
  const { config } = await configured(t, { cluster: { kind: 'redis', links: { secret: 'too short' } } })
  const ended = await start(['start', '--config', config]).ended
  t.match(ended, { code: 1, err: /cluster\.links\.secret: expected 16 characters or more/ })
  t.match(ended.err, /storage\.kind: expected "cassandra", which all nodes share/)
  t.notMatch(ended.err, /too short/)
})

/** Loaded before the server: makes faults on demand. */
const FAULTS = `data:text/javascript,
process.on('SIGWINCH', () => void Promise.reject(new Error('stray')));
process.on('SIGUSR2', () => { throw new Error('broken') })`

t.test(
  'faults of the program are logged: a stray rejection ends nothing, an exception ends the server in order',
  async t => {
    const { config, data } = await configured(t)
    const env = { ...process.env, NODE_OPTIONS: `--import="${FAULTS.replaceAll('\n', '')}"` }
    const server = await serve(t, config, { env })
    server.child.kill('SIGWINCH')
    const [rejection] = await server.saw(/^.*TIDINGS_UNHANDLED_REJECTION.*$/m)
    t.match(JSON.parse(rejection), { level: 'error', err: { message: 'stray', stack: /stray\n/ } })
    const client = await RawClient.connect(server.port)
    client.send(HEADER)
    await client.expect('</stream:features>')
    server.child.kill('SIGUSR2')
    await client.expect('<system-shutdown')
    t.match(await server.ended, { code: 1, err: /TIDINGS_UNCAUGHT_EXCEPTION.*broken.*"stopped"/s })
    await t.rejects(stat(join(data, 'control.sock')), { code: 'ENOENT' })
  },
)
