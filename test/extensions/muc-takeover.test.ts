/** Rooms whose home dies: who is in them stays, and hears what is said next. */
import t, { type Test } from 'tap'
import type { RawClient } from '../support/raw-client.ts'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOMS = Array.from({ length: 12 }, (_, i) => `room${i}@rooms.localhost`)

t.test('occupants at another node stay, those at the dead one are gone', async t => {
  const server = await started(t, ['alice', 'bob', 'carol'])
  const [first, second] = server.ports
  const alice = await signedIn(t, second!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, second!.tcp, 'bob', 'secret')
  const carol = await signedIn(t, first!.tcp, 'carol', 'secret')
  for (const room of ROOMS) {
    await enter(alice, room, 'alice')
    await accept(alice, room)
    await enter(bob, room, 'bob')
    await enter(carol, room, 'carol')
  }
  const say = async (text: string): Promise<void> => {
    for (const room of ROOMS)
      alice.send(
        `<message to='${room}' type='groupchat' id='${text}'><body>${text} in ${room}</body></message>`,
      )
    for (const client of [alice, bob]) {
      const left = new Set(ROOMS)
      while (left.size > 0) {
        const [, body] = await client.expect(new RegExp(`<body>(${text} in [^<]+)</body>`))
        left.delete(body!.replace(`${text} in `, ''))
      }
    }
  }
  await say('before')
  for (const room of ROOMS) {
    const query =
      "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='bob' role='visitor'/></query>"
    alice.send(`<iq type='set' id='mute' to='${room}'>${query}</iq>`)
    await alice.expect('type="result" id="mute"')
  }
  await server.settled()
  server.kill(0)
  carol.socket.destroy()
  await say('after')
  await server.settled()
  for (const room of ROOMS) {
    const query = "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='visitor'/></query>"
    alice.send(`<iq type='get' id='who' to='${room}'>${query}</iq>`)
    const [answer] = await alice.expect(/<iq [^>]*id="who".*?<\/iq>/)
    t.match(answer, 'nick="bob"', room)
    t.notMatch(answer, 'carol', room)
  }
})

/** Two nodes with the rooms, which alice and bob at the second one are in, and carol at the first one; that has died. */
async function withoutFirst(t: Test) {
  const server = await started(t, ['alice', 'bob', 'carol'])
  const [first, second] = server.ports
  const come = (user: string) => signedIn(t, second!.tcp, user, 'secret')
  const [alice, bob] = [await come('alice'), await come('bob')]
  const early = await signedIn(t, first!.tcp, 'carol', 'secret')
  for (const room of ROOMS) {
    await enter(alice, room, 'alice')
    await accept(alice, room)
  }
  await enterAll(bob, 'bob')
  await enterAll(early, 'carol')
  await server.settled()
  server.kill(0)
  early.socket.destroy()
  const say = async (text: string, ...heard: RawClient[]): Promise<void> => {
    for (const room of ROOMS) {
      alice.send(`<message to='${room}' type='groupchat'><body>${text} in ${room}</body></message>`)
      for (const client of heard) await client.expect(`<body>${text} in ${room}</body>`)
    }
  }
  return { server, alice, bob, come, say }
}

/** Two nodes. */
async function started(t: Test, users: readonly string[]): Promise<TestServer> {
  const server = await TestServer.start({
    nodes: 2,
    accounts: users.map(user => [`${user}@localhost`, 'secret'] as const),
    config: { listeners: { xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' } } },
  })
  t.teardown(() => server.close())
  return server
}

async function enter(client: RawClient, room: string, nick: string): Promise<void> {
  client.send(`<presence to='${room}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await client.expect('<subject/></message>')
}

async function enterAll(client: RawClient, nick: string): Promise<void> {
  for (const room of ROOMS) await enter(client, room, nick)
}

/** Has a room that a client has just made be as it is. */
async function accept(client: RawClient, room: string): Promise<void> {
  const form = "<x xmlns='jabber:x:data' type='submit'/>"
  const owner = `<query xmlns='http://jabber.org/protocol/muc#owner'>${form}</query>`
  client.send(`<iq type='set' id='c' to='${room}'>${owner}</iq>`)
  await client.expect('type="result" id="c"')
}

t.test(
  'what a room said last is told again to sessions whose account has lost its home, and not the room',
  async t => {
    const users = Array.from({ length: 8 }, (_, i) => `user${i}`)
    const server = await started(t, users)
    const at = (node: number) => users.filter(user => server.isHome(node, `${user}@localhost`))
    const room = ROOMS.find(one => server.isHome(1, one))!
    const [stays, moves] = [at(1)[0]!, at(0)[0]!]
    const [alice, bob] = [
      await signedIn(t, server.ports[1]!.tcp, stays, 'secret'),
      await signedIn(t, server.ports[1]!.tcp, moves, 'secret'),
    ]
    await enter(alice, room, 'al')
    await accept(alice, room)
    await enter(bob, room, 'bo')
    alice.send(`<message to='${room}' type='groupchat'><body>hello</body></message>`)
    const heard = /<body>hello<\/body>.*?<stanza-id [^>]*id="([^"]+)"/
    const [, first] = await bob.expect(heard)
    await alice.expect(heard)
    await server.settled()
    server.kill(0)
    await server.settled()
    const [again, second] = await bob.expect(heard)
    t.equal(second, first, 'under the same id')
    t.notMatch(again, 'unavailable')
    alice.send("<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    const [rest] = await alice.expect(/^.*id="ping"/s)
    t.notMatch(rest, '<body>', 'whose home lives hears nothing again')
  },
)

t.test('who comes back before all have been asked stays', async t => {
  const { server, alice, bob, come, say } = await withoutFirst(t)
  // The rooms are at home at the other node when somebody says something, and bob's account cannot say yet whether his session is there.
  const release = server.hold('bob@localhost')
  await say('first', alice)
  const carol = await come('carol')
  await enterAll(carol, 'carol')
  release()
  await server.settled()
  await say('second', alice, bob, carol)
  await say('third', alice, bob, carol)
})

t.test(
  'who comes back under the same address and does not enter hears nothing, and is no occupant',
  async t => {
    const { server, alice, bob, come, say } = await withoutFirst(t)
    const carol = await come('carol')
    await say('first', alice, bob)
    await say('second', alice, bob)
    await server.settled()
    carol.send("<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    const [heard] = await carol.expect(/^.*id="ping"/s)
    t.notMatch(heard, '<message')
    t.notMatch(heard, 'from="room')
    for (const room of ROOMS) {
      const query = "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='participant'/></query>"
      alice.send(`<iq type='get' id='who' to='${room}'>${query}</iq>`)
      const [answer] = await alice.expect(/<iq [^>]*id="who".*?<\/iq>/)
      t.match(answer, 'nick="bob"', room)
      t.notMatch(answer, 'carol', room)
    }
  },
)

t.test('all that was said last is told again, however much, and ahead of what is new', async t => {
  const server = await started(t, ['alice', 'bob'])
  const alice = await signedIn(t, server.ports[1]!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, server.ports[1]!.tcp, 'bob', 'secret')
  // One whose home is the node that is going to die.
  const room = ROOMS.find(address => server.isHome(0, address))!
  await enter(alice, room, 'alice')
  await accept(alice, room)
  await enter(bob, room, 'bob')
  const say = (text: string): void =>
    alice.send(`<message to='${room}' type='groupchat'><body>${text}</body></message>`)
  say('long ago')
  for (const client of [alice, bob]) await client.expect('<body>long ago</body>')
  server.clock.advance(61_000)
  // More than a page, more than there has ever been a bound on.
  const texts = Array.from({ length: 620 }, (_, i) => `number ${i}.`)
  for (const text of texts) say(text)
  for (const text of texts) for (const client of [alice, bob]) await client.expect(`<body>${text}</body>`)
  await server.settled()
  server.kill(0)
  // Nobody asks for the room for a while: what it has not told any more is told all the same.
  server.clock.advance(120_000)
  say('new')
  for (const client of [alice, bob]) {
    const heard: string[] = []
    while (heard.at(-1) !== 'new') {
      const [, body] = await client.expect(/<body>([^<]+)<\/body>/)
      heard.push(body!)
    }
    t.same(heard, [...texts, 'new'])
  }
})
