/** A node is emptied before it is stopped: its clients go on at another one. */
import t, { type Test } from 'tap'
import { PASSWORD, session } from '../support/c2s.ts'
import { answered, ids, managed, resuming } from '../support/managed.ts'
import { RawClient } from '../support/raw-client.ts'
import { TestServer } from '../support/test-server.ts'

const NAMES = ['alice', 'bob', 'carol', 'dave']

async function twoNodes(t: Test): Promise<{ server: TestServer; port: (node: number) => number }> {
  const server = await TestServer.start({
    nodes: 2,
    accounts: NAMES.map(name => [`${name}@localhost`, PASSWORD] as const),
  })
  t.teardown(() => server.close())
  return { server, port: node => server.ports[node]!.tcp }
}

// The home of some of them is the one node, of some the other.
for (const name of NAMES)
  t.test(`${name}'s session goes on at the other node, with what came in between`, async t => {
    const { server, port } = await twoNodes(t)
    const { client, id } = await managed(port(0), name, 'a')
    const sender = await session(port(1), name === 'bob' ? 'alice' : 'bob', 'b')
    const write = (number: number) =>
      sender.send(`<message to='${name}@localhost/a' id='${number}' type='chat'><body>hi</body></message>`)
    write(1)
    await client.expect(/<message [^>]*id="1"/)
    const drained = server.drain(0, { seconds: 10 })
    server.clock.advance(10_000)
    t.notMatch(await client.end(), 'stream', 'to the client its connection is lost')
    write(2)
    const other = await resuming(port(1), name, id, 1)
    await other.expect(/<resumed [^>]*>/)
    write(3)
    const [text] = await other.expect(/^[\s\S]*id="3"[\s\S]*?<\/message>/)
    t.same(ids(text), ['2', '3'])
    t.same(await drained, { connections: 1, forsaken: 0 })
    t.same(ids(await answered(other, 'goes-on')), [])
    await t.rejects(session(port(0), name, 'c'), 'the node takes nobody any more')
    for (const one of [sender, other]) one.socket.destroy()
  })

t.test('RFC 6120 §4.9.3.19: who knows where to go is told; XEP-0198 §5: and may resume there', async t => {
  const { server, port } = await twoNodes(t)
  const resumable = await managed(port(0), 'alice', 'a')
  const other = await session(port(0), 'bob', 'b')
  const drained = server.drain(0, { seconds: 10, to: 'chat2.example.org:5222' })
  server.clock.advance(10_000)
  const said =
    '<see-other-host xmlns="urn:ietf:params:xml:ns:xmpp-streams">chat2.example.org:5222</see-other-host>'
  for (const client of [resumable.client, other]) t.match(await client.end(), said)
  const resumed = await resuming(port(1), 'alice', resumable.id, 0)
  await resumed.expect('<resumed')
  t.same(await drained, { connections: 2, forsaken: 0 })
  resumed.socket.destroy()
})

t.test('who cannot resume is told that the server goes, and whoever does not come back ends', async t => {
  const { server, port } = await twoNodes(t)
  const other = await session(port(0), 'bob', 'b')
  const stranger = await RawClient.connect(port(0))
  await managed(port(0), 'alice', 'a')
  const drained = server.drain(0, { seconds: 10 })
  server.clock.advance(10_000)
  t.match(await other.end(), '<system-shutdown')
  await stranger.end()
  let done = false
  void drained.then(() => {
    done = true
  })
  while (!done) {
    server.clock.advance(10_000)
    await new Promise(setImmediate)
  }
  t.same(await drained, { connections: 3, forsaken: 1 })
})
