/** docs/protocol/groups.md: what clients have acknowledged (XEP-0198) is delivered, and nothing else is. */
import t, { type Test } from 'tap'
import type { RawClient } from '../support/raw-client.ts'
import { authenticated, signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOMS = Array.from({ length: 6 }, (_, i) => `room${i}@rooms.localhost`)
const ACCOUNTS = ['alice', 'bob'].map(user => [`${user}@localhost`, 'secret'] as const)
const ROOM = 'tea@rooms.localhost'

/** Two nodes, whose clients sign in without TLS. */
async function twoNodes(t: Test): Promise<TestServer> {
  const server = await TestServer.start({
    nodes: 2,
    accounts: ACCOUNTS,
    config: { listeners: { xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' } } },
  })
  t.teardown(() => server.close())
  return server
}

/** Asks by an IQ; gives the answer as text. */
async function ask(client: RawClient, type: string, to: string, payload: string): Promise<string> {
  client.send(`<iq type='${type}' id='q' to='${to}'>${payload}</iq>`)
  const [answer] = await client.expect(/<iq [^>]*id="q"(?:[^>]*\/>|.*?<\/iq>)/)
  return answer
}

async function enter(client: RawClient, room: string, nick: string): Promise<void> {
  client.send(
    `<presence to='${room}/${nick}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
  )
  await client.expect('<subject/></message>')
}

/** Makes a group, with bob as a member. */
async function makeGroup(alice: RawClient, room: string): Promise<void> {
  await enter(alice, room, 'alice')
  const group =
    "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='tidings:groups#group'><value>1</value></field>"
  await ask(
    alice,
    'set',
    room,
    `<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>${group}</x></query>`,
  )
  await ask(
    alice,
    'set',
    room,
    "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='bob@localhost'/></query>",
  )
}

/** Alice says something; gives its id. */
async function say(alice: RawClient, room: string, text: string): Promise<string> {
  alice.send(`<message to='${room}' type='groupchat' id='m'><body>${text}</body></message>`)
  const [, id] = await alice.expect(new RegExp(`<body>${text}</body>.*?<stanza-id [^>]*id="([^"]+)"`))
  return id!
}

/** What alice is told of a message and bob. */
async function stateOf(server: TestServer, alice: RawClient, room: string, id: string): Promise<string> {
  // Longer than acknowledgements are collected.
  await server.settled()
  await server.pass(2_500)
  await server.settled()
  const answer = await ask(alice, 'get', room, `<ticks xmlns='tidings:groups:0' id='${id}'/>`)
  return /<member jid="bob@localhost" state="([^"]+)"/.exec(answer)?.[1] ?? answer
}

/** Acknowledges so many stanzas since stream management was switched on; that has arrived then. */
async function acknowledge(client: RawClient, handled: number): Promise<void> {
  client.send(`<a xmlns='urn:xmpp:sm:3' h='${handled}'/>`)
  await ask(client, 'get', 'localhost', "<ping xmlns='urn:xmpp:ping'/>")
}

t.test('an acknowledgement moves the mark of a member, at whichever node he is', async t => {
  const server = await twoNodes(t)
  const alice = await signedIn(t, server.ports[0]!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, server.ports[1]!.tcp, 'bob', 'secret')
  for (const room of ROOMS) {
    await makeGroup(alice, room)
    await enter(bob, room, 'bob')
  }
  await server.settled()
  bob.send("<enable xmlns='urn:xmpp:sm:3'/>")
  await bob.expect('<enabled')
  // Behind the others' time when he was added.
  await server.pass(1_000)
  const ids: string[] = []
  for (const room of ROOMS) {
    ids.push(await say(alice, room, 'hello'))
    await bob.expect('<body>hello</body>')
  }
  for (const [i, room] of ROOMS.entries())
    t.equal(await stateOf(server, alice, room, ids[i]!), 'sent', 'and not acknowledged')
  await acknowledge(bob, ROOMS.length - 1)
  for (const [i, room] of ROOMS.entries())
    t.equal(
      await stateOf(server, alice, room, ids[i]!),
      i < ROOMS.length - 1 ? 'delivered' : 'sent',
      `room ${i}`,
    )
})

/** Bob has entered a group, with stream management or without. */
async function inGroup(t: Test, sm: string | undefined) {
  const server = await twoNodes(t)
  const alice = await signedIn(t, server.ports[0]!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, server.ports[1]!.tcp, 'bob', 'secret')
  await makeGroup(alice, ROOM)
  await enter(bob, ROOM, 'bob')
  await server.settled()
  let id = ''
  if (sm !== undefined) {
    bob.send(sm)
    id = (await bob.expect(/<enabled [^>]*>/))[0].match(/ id="([^"]+)"/)?.[1] ?? ''
  }
  await server.pass(1_000)
  return { server, alice, bob, previous: id }
}

t.test('what a session had not acknowledged when it ended is not delivered', async t => {
  const { server, alice, bob } = await inGroup(t, "<enable xmlns='urn:xmpp:sm:3'/>")
  const had = await say(alice, ROOM, 'one')
  const missed = await say(alice, ROOM, 'two')
  await bob.expect('<body>two</body>')
  await acknowledge(bob, 1)
  bob.socket.destroy()
  await alice.expect(/<presence [^>]*type="unavailable"/)
  t.equal(await stateOf(server, alice, ROOM, had), 'delivered')
  t.equal(await stateOf(server, alice, ROOM, missed), 'sent')
  await server.pass(600_000)
  t.equal(await stateOf(server, alice, ROOM, missed), 'sent', 'nor later')
  t.equal(await stateOf(server, alice, ROOM, had), 'delivered', 'marks do not go back')
  const again = await signedIn(t, server.ports[1]!.tcp, 'bob', 'secret')
  await ask(again, 'set', ROOM, "<query xmlns='urn:xmpp:mam:2'/>")
  t.equal(await stateOf(server, alice, ROOM, missed), 'delivered', 'fetched from the archive')
})

t.test('without stream management nothing is delivered by being sent', async t => {
  const { server, alice, bob } = await inGroup(t, undefined)
  const id = await say(alice, ROOM, 'one')
  await bob.expect('<body>one</body>')
  t.equal(await stateOf(server, alice, ROOM, id), 'sent')
  bob.send(`<message to='${ROOM}' type='groupchat' id='b'><body>yes</body></message>`)
  await bob.expect('<body>yes</body>')
  t.equal(await stateOf(server, alice, ROOM, id), 'delivered', 'he has written since')
})

t.test('what waits for a session to be resumed is delivered when that has acknowledged it', async t => {
  const { server, alice, bob, previous } = await inGroup(t, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
  const id = await say(alice, ROOM, 'one')
  await bob.expect('<body>one</body>')
  bob.socket.destroy()
  t.equal(await stateOf(server, alice, ROOM, id), 'sent')
  const again = await authenticated(t, server.ports[1]!.tcp, 'bob', 'secret')
  again.send(`<resume xmlns='urn:xmpp:sm:3' previd='${previous}' h='0'/>`)
  await again.expect('<body>one</body>')
  t.equal(await stateOf(server, alice, ROOM, id), 'sent', 'sent once more')
  await acknowledge(again, 1)
  t.equal(await stateOf(server, alice, ROOM, id), 'delivered')
})
