/** Devices with keys from the command line, with and without a server. */
import t from 'tap'
import { KeyMaker } from '../support/signal-keys.ts'
import { signedIn } from '../support/signed-in.ts'
import { configured, serve, tidings } from '../support/tidings.ts'

const LEGACY = 'eu.siacs.conversations.axolotl'
const LIST = `<pubsub xmlns="http://jabber.org/protocol/pubsub"><publish node="${LEGACY}.devicelist"><item id="current"><list xmlns="${LEGACY}"><device id="2"/><device id="3"/></list></item></publish></pubsub>`
const LINE = (device: number, omemo = '') =>
  new RegExp(
    `^${device}\\t1\\t1\\t\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d\\t\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d${omemo}$`,
  )

t.test('listed and removed in a running server, and without it', async t => {
  const { config } = await configured(t, { extensions: { prekeys: {} } })
  const run = (...args: string[]) => tidings([...args, '--config', config])
  t.match(await run('user', 'add', 'alice@localhost', '--password', 'secret'), { code: 0 })
  const server = await serve(t, config)
  const alice = await signedIn(t, server.port, 'alice', 'secret')
  for (const device of [1, 2]) {
    const maker = new KeyMaker(device)
    alice.send(`<iq type="set" id="p${device}">${maker.publish(...maker.first(), ...maker.keys(2, 2))}</iq>`)
    await alice.expect('<stock')
  }
  alice.send(`<iq type="set" id="o">${LIST}</iq>`)
  await alice.expect('id="o"')

  const { out } = await run('keys', 'list', 'alice@localhost')
  const lines = out.trim().split('\n')
  t.match(lines[0], LINE(1))
  t.match(lines[1], LINE(2, '\\tomemo'))
  t.match(lines[2], /^3\t{5}omemo$/)
  t.match(await run('keys', 'remove', 'alice@localhost', '1'), {
    code: 0,
    out: 'Device 1 of alice@localhost is removed.\n',
  })
  t.match(await run('keys', 'remove', 'alice@localhost', '1'), { code: 1, err: /\[TIDINGS_KEYS_DEVICE\]/ })
  t.match(await run('keys', 'list', 'bob@localhost'), { code: 1, err: /\[TIDINGS_ACCOUNT_UNKNOWN\]/ })
  t.match(await run('keys', 'remove', 'bob@localhost', '1'), { code: 1, err: /\[TIDINGS_ACCOUNT_UNKNOWN\]/ })
  t.match(await run('keys', 'remove', 'alice@localhost', 'x'), { code: 2, err: /"x" is no number/ })
  server.child.kill()
  await server.ended

  t.match(await run('keys', 'list', 'alice@localhost'), {
    code: 0,
    out: /^2\t1\t1\t.*\tomemo\n3\t{5}omemo\n$/,
  })
  t.match(await run('keys', 'remove', 'alice@localhost', '2'), { code: 0 })
  t.match(await run('keys', 'list', 'alice@localhost'), { code: 0, out: '3\t\t\t\t\tomemo\n' })
  t.match(await run('keys', 'remove', 'alice@localhost', '3'), { code: 0 })
  t.match(await run('keys', 'list', 'alice@localhost'), { code: 0, out: '' })

  // The list that clients read is shorter, too.
  const again = await serve(t, config)
  const reader = await signedIn(t, again.port, 'alice', 'secret')
  reader.send(
    `<iq type="get" id="l"><pubsub xmlns="http://jabber.org/protocol/pubsub"><items node="${LEGACY}.devicelist"/></pubsub></iq>`,
  )
  t.match((await reader.expect(/<iq [^>]*id="l".*?<\/iq>/s))[0], `<list xmlns="${LEGACY}"/>`)
})

t.test('switched off', async t => {
  const { config } = await configured(t)
  t.match(await tidings(['user', 'add', 'alice@localhost', '--password', 'x', '--config', config]), {
    code: 0,
  })
  const server = await serve(t, config)
  t.match(await tidings(['keys', 'list', 'alice@localhost', '--config', config]), {
    code: 1,
    err: /\[TIDINGS_EXTENSION_MISSING\]/,
  })
  server.child.kill()
  await server.ended
})
