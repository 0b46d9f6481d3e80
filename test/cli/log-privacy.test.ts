/** Secrets and messages never reach the log, not even at its most talkative. */
import t, { type Test } from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { signedIn } from '../support/signed-in.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const listener = { address: '127.0.0.1', port: 0 }
const listeners = {
  xmpp: { ...listener, tls: 'offered' },
  'xmpp-tls': listener,
  http: false,
  metrics: listener,
}

const plain = (password: string) => Buffer.from(`\0alice\0${password}`).toString('base64')

/** Words that are in what clients and operators send, and must be nowhere else. */
const SECRETS = [
  'hunter2',
  plain('hunter2'),
  'hunter3',
  plain('hunter3'),
  'rosebud',
  'xanadu',
  'kane-status',
  'sledge',
]

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

/** A stream that ends because of what it was sent. */
async function refused(t: Test, port: number, input: string): Promise<void> {
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  client.send(input)
  await client.expect('</stream:stream>')
  client.socket.destroy()
}

t.test('a conversation at level debug', async t => {
  const { config } = await configured(t, { listeners, log: { level: 'debug' } })
  const server = await serve(t, config)
  const { port } = server
  for (const name of ['alice', 'bob'])
    await tidings(['user', 'add', `${name}@localhost`, '--password', 'hunter2', '--config', config])
  const twice = await tidings(['user', 'add', 'bob@localhost', '--password', 'hunter3', '--config', config])
  t.equal(twice.code, 1)
  t.notMatch(twice.err, /hunter3/, 'nor the terminal')

  // Passwords: right, wrong, in the wrong place.
  const alice = await signedIn(t, port, 'alice', 'hunter2')
  const wrong = await RawClient.connect(port)
  t.teardown(() => wrong.socket.destroy())
  wrong.send(HEADER)
  await wrong.expect('</stream:features>')
  wrong.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain('hunter3')}</auth>`)
  await wrong.expect('<not-authorized')
  wrong.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='hunter2'>hunter2</auth>`)
  await wrong.expect('</failure>')

  // Messages: delivered, kept, refused, too early, broken off, not well-formed, too large.
  const body = '<body>rosebud</body><subject>xanadu</subject>'
  alice.send(`<message to='bob@localhost' type='chat'>${body}</message>`)
  const bob = await signedIn(t, port, 'bob', 'hunter2')
  await bob.expect('rosebud')
  alice.send(
    `<message to='bob@localhost/r' type='chat'>${body}</message><presence><status>kane-status</status></presence>`,
  )
  await bob.expect('rosebud')
  for (const to of ['nobody@localhost', 'x@elsewhere.example', 'not an address@', 'localhost']) {
    alice.send(`<message to='${to}'>${body}</message>`)
    await alice.expect('type="error"')
  }
  alice.send(`<iq type='set' id='s'><sledge xmlns='sledge'><password>hunter2</password></sledge></iq>`)
  await alice.expect('id="s"')
  await refused(t, port, `${HEADER}<message to='bob@localhost'>${body}</message>`)
  await refused(t, port, `${HEADER}<message to='bob@localhost'><body>rosebud<!-- xanadu --></body></message>`)
  await refused(t, port, `${HEADER}<message>${'rosebud'.repeat(3000)}</message>`)
  alice.send('<message><body>rosebud</subject></message>')
  await alice.expect('</stream:stream>')

  server.child.kill('SIGTERM')
  const { err, out, code } = await server.ended
  t.equal(code, 0)
  t.match(err, /"level":"debug"/, 'it did talk')
  t.match(err, /"sign-in refused"/)
  for (const secret of SECRETS) t.notOk(`${err}${out}`.includes(secret), secret)
})
