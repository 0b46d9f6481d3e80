/** Messages kept for a user are handed over at the pace of the client: more of them than may wait in an outbox. */
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { c2s, session } from '../support/c2s.ts'

const UNLIMITED = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }
const COUNT = 100
const BODY = 'x'.repeat(60_000)

async function withMessagesFor(t: Test) {
  const server = await c2s(t, {
    listen: { tls: 'off' },
    limits: { bytes: UNLIMITED, stanzas: UNLIMITED },
    extensions,
  })
  const alice = await session(server.port, 'alice', 'a')
  for (let i = 0; i < COUNT; i++)
    alice.send(`<message to='bob@localhost' id='m${i}' type='chat'><body>${BODY}</body></message>`)
  alice.send("<iq type='get' id='done' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
  await alice.expect(/<iq [^>]*id="done"/)
  return server
}

/** Ids of the messages in a text, in order. */
function ids(text: string): string[] {
  return [...text.matchAll(/<message [^>]*id="(m\d+)"/g)].map(match => match[1] as string)
}

const EVERY = Array.from({ length: COUNT }, (_, i) => `m${i}`)

t.test('a client that reads slowly gets all of them, once, in order, and keeps its connection', async t => {
  const { port, background } = await withMessagesFor(t)
  const bob = await session(port, 'bob', 'b')
  bob.socket.pause()
  bob.send('<presence/>')
  // Long enough for the server to have filled the buffers of both sockets, had it not waited.
  while (background.size === 0) await turn()
  for (let i = 0; i < 1_000; i++) await turn()
  t.equal(background.size, 1, 'the server waits for the client')
  bob.socket.resume()
  const [received] = await bob.expect(new RegExp(`^[\\s\\S]*id="m${COUNT - 1}"[\\s\\S]*</message>`))
  t.same(ids(received), EVERY)
  await background.settled()
  const again = await session(port, 'bob', 'c')
  again.send("<presence/><iq type='get' id='done' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
  const [text] = await again.expect(/^[\s\S]*<iq [^>]*id="done"/)
  t.same(ids(text), [], 'nothing is left')
})

t.test('a client that vanishes while it gets them leaves them for the next sign-in', async t => {
  const { port, background } = await withMessagesFor(t)
  const bob = await session(port, 'bob', 'b')
  bob.socket.pause()
  bob.send('<presence/>')
  while (background.size === 0) await turn()
  bob.socket.destroy()
  await background.settled()
  const again = await session(port, 'bob', 'c')
  again.send('<presence/>')
  const [text] = await again.expect(new RegExp(`^[\\s\\S]*id="m${COUNT - 1}"[\\s\\S]*</message>`))
  t.same(ids(text), EVERY)
})

t.test(
  'a client that does not read holds up nobody: not who writes to its user, not the next sign-in',
  async t => {
    const { port } = await withMessagesFor(t)
    const alice = await session(port, 'alice', 'b')
    await alice.send('<presence/>')
    const bob = await session(port, 'bob', 'b')
    bob.socket.pause()
    bob.send('<presence/>')
    alice.send("<message to='bob@localhost' type='chat' id='new'><body>are you there?</body></message>")
    alice.send("<message to='alice@localhost/b' type='chat' id='own'><body>a note</body></message>")
    await alice.expect(/<message [^>]*id="own"/)
    const again = await session(port, 'bob', 'b')
    again.send('<presence/>')
    const [text] = await again.expect(/^[\s\S]*id="new"[\s\S]*<\/message>/)
    t.same(ids(text), EVERY, 'all that was kept, before what came meanwhile')
  },
)
