/** A bound session: what it takes from the client (RFC 6120 §8.1), in which order, and how it ends. */
import t from 'tap'
import type { C2sRouter } from '../../src/c2s/options.ts'
import { NS } from '../../src/xml/ns.ts'
import { c2s, passing, session } from '../support/c2s.ts'

const OPEN = { listen: { tls: 'off' } } as const

t.test('a stanza gets the full address of its sender, and the language of its stream', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a', "to='localhost' version='1.0' xml:lang='de'")
  const bob = await session(port, 'bob', 'b')
  // RFC 6120 §8.1.2.1: without `from`, with a bare one, with the right one in another spelling.
  for (const from of ['', "from='alice@localhost'", "from='alice@localhost/a'", "from='ALICE@LocalHost/a'"]) {
    alice.send(`<message ${from} to='bob@localhost/b' id='1'><body>hi</body></message>`)
    const [message] = await bob.expect(/<message.*?<\/message>/)
    t.equal(
      message,
      '<message to="bob@localhost/b" from="alice@localhost/a" id="1" xml:lang="de"><body>hi</body></message>',
    )
  }
  // RFC 6120 §8.1.5
  alice.send("<message to='bob@localhost/b' xml:lang='fr'><body>salut</body></message>")
  t.match(await bob.expect(/<message.*?<\/message>/), [/xml:lang="fr"/])
})

t.test("somebody else's address ends the stream", async t => {
  const { port, router } = await c2s(t, OPEN)
  for (const from of ['bob@localhost', 'bob@localhost/a', 'localhost', 'alice@', '']) {
    const alice = await session(port, 'alice', 'a')
    alice.send(`<message from='${from}' to='bob@localhost'/>`)
    // RFC 6120 §4.9.3.7
    t.match(await alice.end(), /^<stream:error><invalid-from .*<\/stream:error><\/stream:stream>$/, from)
  }
  await router.settled()
  t.equal(router.homes.sessions, 0)
})

t.test('a stanza for no address is answered, and the stream goes on', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a')
  // RFC 6120 §8.3.3.8
  for (const to of ['', '@localhost', 'bob@localhost/', 'a b@localhost', `${'x'.repeat(1024)}@localhost`]) {
    alice.send(`<message to='${to}' id='m'><body>hi</body></message>`)
    const [answer] = await alice.expect(/<message.*?<\/message>/)
    t.match(answer, 'to="alice@localhost/a" from="localhost" type="error" id="m"')
    t.match(answer, `<error type="modify"><jid-malformed xmlns="${NS.stanzaErrors}"/></error>`)
  }
  // RFC 6120 §8.3.1: no error answers an error.
  alice.send("<message to='@' type='error'/><iq to='@' type='result' id='1'/>")
  alice.send("<iq type='get' id='2' to='localhost'><what xmlns='ever'/></iq>")
  t.match(await alice.expect(/^<iq .*?<\/iq>/), [/id="2".*service-unavailable/])
})

t.test('an IQ needs an id and a type: RFC 6120 §8.2.3', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a')
  await session(port, 'bob', 'b')
  for (const attributes of ["type='get'", "id='1'", "id='1' type=''", "id='1' type='chat'"]) {
    alice.send(`<iq to='bob@localhost/b' ${attributes}><what xmlns='ever'/></iq>`)
    t.match(await alice.expect(/<iq .*?<\/iq>/), [/from="bob@localhost\/b".*<bad-request /], attributes)
  }
})

t.test('what is no stanza ends the stream', async t => {
  const { port } = await c2s(t, OPEN)
  // RFC 6120 §4.9.3.24
  for (const text of [
    '<massage/>',
    "<message xmlns='somebody:else'/>",
    "<r xmlns='urn:xmpp:unknown:9'/>",
    `<auth xmlns='${NS.sasl}' mechanism='PLAIN'/>`,
  ]) {
    const alice = await session(port, 'alice', 'a')
    alice.send(text)
    t.match(await alice.end(), /^<stream:error><unsupported-stanza-type .*<\/stream:stream>$/, text)
  }
})

t.test('what is no XML ends the stream, after what came before', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a')
  const ping = "<iq type='get' id='1' to='localhost'><what xmlns='ever'/></iq>"
  alice.send(`${ping}<message><body>&nbsp;</body></message>${ping}`)
  t.match(
    await alice.end(),
    /^<iq [^>]*id="1".*<\/iq><stream:error><restricted-xml .*<\/stream:error><\/stream:stream>$/,
  )
})

t.test('a session may be asked for, as RFC 3921 §3 has it', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a')
  for (const to of ['', "to='localhost'", "to='alice@localhost'"]) {
    alice.send(`<iq type='set' id='s' ${to}><session xmlns='${NS.session}'/></iq>`)
    t.match(await alice.expect(/<iq .*?\/>/), [/to="alice@localhost\/a" .*type="result" id="s"\/>/])
  }
})

t.test('each message is sent as soon as its last byte is there', async t => {
  const { port } = await c2s(t, OPEN)
  const alice = await session(port, 'alice', 'a')
  const bob = await session(port, 'bob', 'b')
  for (const byte of Buffer.from(
    "<message to='bob@localhost/b'><body>späte Grüße \u{1f44b}</body></message>",
  )) {
    alice.send(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  t.ok(await bob.expect('<body>späte Grüße \u{1f44b}</body></message>'))
})

/** A router whose sessions settle nothing until told. */
function slowRouter() {
  const waiting: (() => void)[] = []
  const done: Promise<void>[] = []
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      return {
        jid: handle.jid,
        submit(stanza) {
          const settled = new Promise<void>(resolve => waiting.push(resolve)).then(() =>
            handle.submit(stanza),
          )
          done.push(settled)
          return settled
        },
        unbind: () => Promise.all(done).then(() => handle.unbind()),
        acknowledged: () => {},
        stream: () => {},
        move: (node, number) => handle.move(node, number),
      }
    },
  })
  const settle = (count: number): void => {
    for (const resolve of waiting.splice(0, count)) resolve()
  }
  return { between, settle, submitted: () => done.length }
}

t.test(
  'a client is read while its stanzas settle, up to 256 of them, and again when 64 are left',
  async t => {
    const slow = slowRouter()
    const { port } = await c2s(t, { ...OPEN, between: slow.between })
    const alice = await session(port, 'alice', 'a')
    const ticks = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    }
    for (let i = 0; i < 1000; i++)
      alice.send(`<iq type='get' id='${i}' to='localhost'><what xmlns='ever'/></iq>`)
    while (slow.submitted() < 256) await new Promise(setImmediate)
    await ticks()
    t.equal(slow.submitted(), 256)
    slow.settle(191)
    await ticks()
    t.equal(slow.submitted(), 256, '65 are left')
    slow.settle(1)
    await ticks()
    t.equal(slow.submitted(), 448, '192 more')
    while (slow.submitted() < 1000) {
      slow.settle(256)
      await ticks()
    }
    slow.settle(1000)
    t.ok(await alice.expect(/id="999".*service-unavailable/))
  },
)

t.test('a stream ends when what its client sent has settled', async t => {
  const slow = slowRouter()
  const { port } = await c2s(t, { ...OPEN, between: slow.between })
  const alice = await session(port, 'alice', 'a')
  for (let i = 0; i < 300; i++)
    alice.send(`<iq type='get' id='${i}' to='localhost'><what xmlns='ever'/></iq>`)
  alice.socket.end()
  while (slow.submitted() < 256) await new Promise(setImmediate)
  t.equal(alice.ended, false)
  while (slow.submitted() < 300) {
    slow.settle(256)
    await new Promise(setImmediate)
  }
  slow.settle(300)
  t.match(await alice.end(), /id="299".*<\/iq><\/stream:stream>$/)
})

t.test('a home that is lost ends the stream: what was sent may not have been handled', async t => {
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      return {
        jid: handle.jid,
        submit: () => Promise.reject(new Error('the node is gone')),
        unbind: lost => handle.unbind(lost),
        acknowledged: () => {},
        stream: () => {},
        move: (node, number) => handle.move(node, number),
      }
    },
  })
  const { port } = await c2s(t, { ...OPEN, between })
  const alice = await session(port, 'alice', 'a')
  alice.send('<presence/>')
  t.match(await alice.end(), /^<stream:error><internal-server-error [^>]*>/)
  t.notMatch(alice.text, 'the node')
})

t.test('the home is told whether a session ends by a close or by the loss of its connection', async t => {
  const told: unknown[] = []
  const between = (router: C2sRouter): C2sRouter => ({
    ...passing(router),
    async bind(account, resource, port) {
      const handle = await router.bind(account, resource, port)
      return {
        jid: handle.jid,
        submit: stanza => handle.submit(stanza),
        acknowledged: () => {},
        stream: () => {},
        move: (node, number) => handle.move(node, number),
        unbind(lost) {
          told.push(lost === true)
          return handle.unbind(lost)
        },
      }
    },
  })
  const { port, server } = await c2s(t, { ...OPEN, between })
  const closing = await session(port, 'alice', 'a')
  closing.send('</stream:stream>')
  await closing.end()
  const losing = await session(port, 'alice', 'b')
  losing.socket.resetAndDestroy()
  while (server.counts.connections > 0) await new Promise(setImmediate)
  t.same(told, [false, true])
})
