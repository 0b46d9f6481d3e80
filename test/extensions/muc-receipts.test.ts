/** docs/protocol/groups.md: what clients have acknowledged (XEP-0198) is delivered, and nothing else is. */
import t from 'tap'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOMS = Array.from({ length: 6 }, (_, i) => `room${i}@rooms.localhost`)

t.test('an acknowledgement moves the mark of a member, at whichever node he is', async t => {
  const server = await TestServer.start({
    nodes: 2,
    accounts: ['alice', 'bob'].map(user => [`${user}@localhost`, 'secret'] as const),
    config: { listeners: { xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' } } },
  })
  t.teardown(() => server.close())
  const alice = await signedIn(t, server.ports[0]!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, server.ports[1]!.tcp, 'bob', 'secret')
  const ask = async (type: string, room: string, payload: string): Promise<string> => {
    alice.send(`<iq type='${type}' id='q' to='${room}'>${payload}</iq>`)
    const [answer] = await alice.expect(/<iq [^>]*id="q"(?:[^>]*\/>|.*?<\/iq>)/)
    return answer
  }
  for (const room of ROOMS) {
    alice.send(`<presence to='${room}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await alice.expect('<subject/></message>')
    const group =
      "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='tidings:groups#group'><value>1</value></field>"
    await ask(
      'set',
      room,
      `<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>${group}</x></query>`,
    )
    await ask(
      'set',
      room,
      "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='bob@localhost'/></query>",
    )
    bob.send(
      `<presence to='${room}/bob'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
    )
    await bob.expect('<subject/></message>')
  }
  await server.settled()
  bob.send("<enable xmlns='urn:xmpp:sm:3'/>")
  await bob.expect('<enabled')
  // Behind the others' time when he was added.
  await server.pass(1_000)
  const ids: string[] = []
  for (const room of ROOMS) {
    alice.send(`<message to='${room}' type='groupchat' id='m'><body>hello</body></message>`)
    const [, id] = await alice.expect(/<body>hello<\/body>.*?<stanza-id [^>]*id="([^"]+)"/)
    ids.push(id!)
    await bob.expect('<body>hello</body>')
  }
  const ticks = async (i: number): Promise<string> =>
    ask('get', ROOMS[i]!, `<ticks xmlns='tidings:groups:0' id='${ids[i]}'/>`)
  await server.pass(10_000)
  for (const i of ROOMS.keys()) t.match(await ticks(i), 'delivered="0"', 'sent, and not acknowledged')
  bob.send(`<a xmlns='urn:xmpp:sm:3' h='${ROOMS.length - 1}'/>`)
  bob.send("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
  await bob.expect('id="p"')
  await server.settled()
  await server.pass(2_500)
  for (const i of ROOMS.keys())
    t.match(await ticks(i), `delivered="${i < ROOMS.length - 1 ? 1 : 0}"`, `room ${i}`)
})
