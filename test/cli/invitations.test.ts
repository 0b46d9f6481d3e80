/** Invitations from the command line, without a server and with one. */
import t, { type Test } from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const WEB = { extensions: { invitations: { 'web-address': 'https://chat.example' } } }

t.test('made, listed, revoked without a server', async t => {
  const { config } = await configured(t, WEB)
  const run = (...args: string[]) => tidings([...args, '--config', config])

  const plain = await run('user', 'invite')
  t.match(plain, { code: 0, err: '' })
  t.match(
    plain.out,
    /^https:\/\/chat\.example\/invite\/([A-Za-z0-9]{24})\nxmpp:localhost\?register;preauth=\1\nGood for one account, until \d{4}-\d\d-\d\d \d\d:\d\d\.\n$/,
  )
  t.match(await run('user', 'invite', '--name', 'Juliet', '--expires', '12h'), {
    code: 0,
    out: /\nxmpp:juliet@localhost\?register;preauth=[A-Za-z0-9]{24}\n/,
  })
  t.match(await run('user', 'add', 'romeo@localhost', '--password', 'x'), { code: 0 })
  t.match(await run('user', 'invite', '--contact', 'romeo@localhost'), {
    code: 0,
    out: /\nxmpp:romeo@localhost\?roster;preauth=[A-Za-z0-9]{24};ibr=y\n/,
  })

  const { out } = await run('invite', 'list')
  const lines = out.trim().split('\n')
  t.equal(lines.length, 3)
  t.match(lines[0], /^[\w-]{8}\tlocalhost\t1\t\d{4}-\d\d-\d\d \d\d:\d\d$/)
  t.match(lines[1], /\tname juliet$/)
  t.match(lines[2], /\tcontact romeo@localhost$/)
  const token = /invite\/(\w+)/.exec(plain.out)![1]!
  t.notOk(out.includes(token), 'the token is told once')

  const id = lines[1]!.split('\t')[0]!
  t.match(await run('invite', 'revoke', id), { code: 0, out: `The invitation ${id} is revoked.\n` })
  t.match(await run('invite', 'revoke', id), { code: 1, err: /\[TIDINGS_INVITATION_UNKNOWN\]/ })
  t.match(await run('user', 'invite', '--name', 'juliet'), { code: 0 }, 'its name is free again')
})

t.test('what cannot be', async t => {
  const { config } = await configured(t)
  const invite = (...args: string[]) => tidings(['user', 'invite', ...args, '--config', config])
  t.match(await tidings(['user', 'add', 'romeo@localhost', '--password', 'x', '--config', config]), {
    code: 0,
  })
  t.match(await invite('--name', 'romeo'), { code: 1, err: /\[TIDINGS_ACCOUNT_EXISTS\]/ })
  t.match(await invite('--name', 'a b'), { code: 1, err: /\[TIDINGS_ACCOUNT_ADDRESS\]/ })
  t.match(await invite('--name', ''), { code: 1, err: /\[TIDINGS_ACCOUNT_ADDRESS\]/ })
  t.match(await invite('--contact', 'nobody@localhost'), { code: 1, err: /\[TIDINGS_ACCOUNT_UNKNOWN\]/ })
  t.match(await invite('--contact', 'a@other.example'), { code: 1, err: /\[TIDINGS_ACCOUNT_HOST\]/ })
  t.match(await invite('--host', 'other.example'), { code: 1, err: /\[TIDINGS_ACCOUNT_HOST\]/ })
  for (const time of ['7', '0d', 'week', '400d'])
    t.match(await invite('--expires', time), { code: 2, err: /--expires is a time such as 12h or 7d/ })
  t.match(await invite('--name', 'juliet'), { code: 0, out: /^xmpp:/ }, 'no page where there is no web')
  t.match(await invite('--name', 'juliet'), { code: 1, err: /\[TIDINGS_INVITATION_NAME\]/ })
})

t.test('switched off', async t => {
  const { config } = await configured(t, { extensions: { invitations: false } })
  for (const words of [
    ['user', 'invite'],
    ['invite', 'list'],
    ['invite', 'revoke', 'abcdefgh'],
  ])
    t.match(await tidings([...words, '--config', config]), { code: 1, err: /\[TIDINGS_INVITATIONS_OFF\]/ })
  const server = await serve(t, config)
  await server.saw(/Ctrl-C/)
})

t.test('switched off at one host', async t => {
  const hosts = [{ name: 'localhost' }, { name: 'chat.example', extensions: { invitations: false } }]
  const { config } = await configured(t, { hosts, extensions: { invitations: { days: 1 } } })
  const run = (...args: string[]) => tidings([...args, '--config', config])
  t.match(await run('user', 'invite', '--host', 'chat.example'), {
    code: 1,
    err: /for chat\.example or for all.*\[TIDINGS_INVITATIONS_OFF\]/,
  })
  t.match(await run('user', 'invite'), { code: 0 })
  t.match(await run('invite', 'list'), { code: 0, out: /^[\w-]{8}\tlocalhost\t[^\n]*\n$/ })
})

t.test('the first people let themselves in by the link on the screen', async t => {
  const { config } = await configured(t)
  const server = await serve(t, config)
  const [, token] = await server.saw(/Invitation {3}xmpp:localhost\?register;preauth=(\w+)\n {15}10 accounts/)
  t.match(await register(t, server.port, token!, 'alice'), /<iq type="result" id="set"/)
  t.match(await register(t, server.port, token!, 'bob'), /<iq type="result" id="set"/)
  t.match(await tidings(['user', 'list', '--config', config]), { out: 'alice@localhost\nbob@localhost\n' })
  t.match(await tidings(['invite', 'list', '--config', config]), {
    out: /\tlocalhost\t8\t[-\d: ]+\tused by alice, bob\n/,
  })
  const made = await tidings(['user', 'invite', '--config', config])
  t.match(made, { code: 0 }, 'also while the server runs')
  const [, other] = /preauth=(\w+)/.exec(made.out)!
  t.match(await register(t, server.port, other!, 'carol'), /<iq type="result" id="set"/)
})

t.test('who has accounts gets no first invitation', async t => {
  const { config } = await configured(t)
  t.match(await tidings(['user', 'add', 'alice@localhost', '--password', 'x', '--config', config]), {
    code: 0,
  })
  const server = await serve(t, config)
  server.child.kill('SIGTERM')
  t.notMatch((await server.ended).out, /Invitation/)
})

/** Registers with a token; gives the last answer. */
async function register(t: Test, port: number, token: string, name: string): Promise<string> {
  const client = await RawClient.connect(port)
  t.teardown(() => client.socket.destroy())
  client.send(
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
  )
  await client.expect('</stream:features>')
  client.send(`<iq type='set' id='token'><preauth xmlns='urn:xmpp:pars:0' token='${token}'/></iq>`)
  await client.expect('<iq type="result" id="token"/>')
  client.send(
    `<iq type='set' id='set'><query xmlns='jabber:iq:register'><username>${name}</username><password>x</password></query></iq>`,
  )
  return (await client.expect(/<iq [^>]*id="set".*?(\/>|<\/iq>)/))[0]
}
