/** A running server takes over what changed, as its clients see it. */
import t from 'tap'
import { configFrom } from '../src/config/load.ts'
import { TidingsError } from '../src/core/errors.ts'
import { extensions } from '../src/extensions/index.ts'
import { startServer } from '../src/main.ts'
import { JID } from '../src/xml/jid.ts'
import { NS } from '../src/xml/ns.ts'
import { signedIn } from './support/signed-in.ts'
import { testCertificates } from './support/test-server.ts'
import { WebSocketClient } from './support/websocket-client.ts'

const here = { address: '127.0.0.1', port: 0 }

t.test('options of extensions, sessions and limits', async t => {
  const directory = t.testdir()
  const base = {
    listeners: { xmpp: { ...here, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics: false },
    storage: { kind: 'memory' },
  }
  // What is archived has no bounds.
  const unarchived = { archive: false, sequence: false, status: false }
  const configured = (more: object) =>
    configFrom({ ...base, extensions: unarchived, ...more }, { extensions, directory })
  let next: object = {}
  const read = async () => {
    if (next instanceof Error) throw next
    return configured(next)
  }
  const levels: string[] = []
  const server = await startServer(configured({}), {
    certificates: await testCertificates(),
    control: false,
    read,
    setLogLevel: level => levels.push(level),
  })
  t.teardown(() => server.stop())
  for (const name of ['alice', 'bob', 'carol'])
    await server.accounts.create(JID.parse(`${name}@localhost`), 'x')
  const port = server.ports.xmpp!
  const alice = await signedIn(t, port, 'alice', 'x')
  const send = (to: string, id: string) =>
    alice.send(`<message to='${to}@localhost' id='${id}' type='chat'><body>b</body></message>`)
  send('bob', '1')
  send('bob', '2')
  await server.settled()

  t.strictSame(await server.reload(), { live: [], restart: [] })
  next = {
    extensions: { ...unarchived, offline: { 'messages-per-user': 1 } },
    sessions: { conflict: 'refuse' },
    limits: { 'sessions-per-account': 1 },
    log: { level: 'error' },
  }
  const { live, restart } = await server.reload()
  t.strictSame([live.length, restart], [4, []])
  t.equal(levels.at(-1), 'error')
  send('carol', '3')
  send('carol', '4')
  await alice.expect(/id="4"[^>]*>.*<service-unavailable/)
  await t.rejects(signedIn(t, port, 'alice', 'x'), /conflict|resource-constraint/, 'the older session stays')

  next = new TidingsError('TIDINGS_CONFIG_INVALID', 'no')
  await t.rejects(server.reload(), { code: 'TIDINGS_CONFIG_INVALID' })
  next = {}
  t.equal((await server.reload()).live.length, 4, 'and back; the one that failed has changed nothing')
  send('carol', '5')
  alice.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
  const [text] = await alice.expect(/.*id="p"/s)
  t.notMatch(text, /id="5"/, 'there is room again')
})

t.test('an option of one host', async t => {
  const directory = t.testdir()
  const unarchived = { archive: false, sequence: false, status: false }
  const configured = (own: object) =>
    configFrom(
      {
        hosts: [{ name: 'localhost' }, { name: 'chat.example', extensions: own }],
        listeners: { xmpp: { ...here, tls: 'offered' }, 'xmpp-tls': false, http: false, metrics: false },
        storage: { kind: 'memory' },
        extensions: unarchived,
      },
      { extensions, directory },
    )
  let own = {}
  const server = await startServer(configured(own), {
    certificates: await testCertificates(),
    control: false,
    read: async () => configured(own),
  })
  t.teardown(() => server.stop())
  for (const address of ['alice@localhost', 'bob@localhost', 'carol@chat.example'])
    await server.accounts.create(JID.parse(address), 'x')
  const alice = await signedIn(t, server.ports.xmpp!, 'alice', 'x')
  own = { offline: { 'messages-per-user': 1 } }
  t.strictSame(await server.reload(), {
    live: ['hosts[1].extensions.offline.messages-per-user'],
    restart: [],
  })
  for (const to of ['bob@localhost', 'carol@chat.example'])
    for (const id of ['1', '2'])
      alice.send(`<message to='${to}' id='${id}' type='chat'><body>b</body></message>`)
  alice.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
  await server.settled()
  const [text] = await alice.expect(/.*id="p"/s)
  t.match(text, /from="carol@chat\.example"[^>]* id="2"|id="2"[^>]* from="carol@chat\.example"/)
  t.equal(text.match(/<service-unavailable/g)?.length, 1, 'nobody else has less room')
})

t.test('limits of new streams over WebSocket', async t => {
  const directory = t.testdir()
  const configured = (bytes: number) =>
    configFrom(
      {
        listeners: { xmpp: false, 'xmpp-tls': false, http: here, metrics: false },
        storage: { kind: 'memory' },
        limits: { 'stanza-bytes': bytes, 'stanza-bytes-before-sign-in': bytes },
      },
      { extensions, directory },
    )
  const server = await startServer(configured(10_000), {
    certificates: await testCertificates(),
    control: false,
    read: async () => configured(100_000),
  })
  t.teardown(() => server.stop())
  /** What a stranger hears who sends 80 kB. */
  const answer = async (): Promise<string> => {
    const client = await WebSocketClient.connect({ url: `ws://localhost:${server.ports.http}/ws` })
    client.send(`<open xmlns='${NS.framing}' to='localhost' version='1.0'/>`)
    client.send(`<stranger xmlns='urn:example'>${'x'.repeat(80_000)}</stranger>`)
    const { code, messages } = await client.closed()
    return `${code} ${messages.join('')}`
  }
  t.match(await answer(), /^1009 /, 'RFC 6455 §7.4.1: too big')
  await server.reload()
  t.match(await answer(), /^1000 .*<not-authorized/)
})
