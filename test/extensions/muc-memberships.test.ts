/** What accounts are told of their standing with rooms, though their homes do not answer. */
import t from 'tap'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOMS = Array.from({ length: 12 }, (_, i) => `room${i}@rooms.localhost`)

t.test('who is added while homes die finds the groups among his bookmarks all the same', async t => {
  const server = await TestServer.start({
    nodes: 2,
    accounts: ['alice', 'bob'].map(user => [`${user}@localhost`, 'secret'] as const),
    config: { listeners: { xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' } } },
  })
  t.teardown(() => server.close())
  const [, second] = server.ports
  const alice = await signedIn(t, second!.tcp, 'alice', 'secret')
  const bob = await signedIn(t, second!.tcp, 'bob', 'secret')
  const form = (...fields: [string, string][]): string =>
    `<x xmlns='jabber:x:data' type='submit'>${fields.map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`).join('')}</x>`
  const ask = async (client: typeof bob, to: string, payload: string): Promise<string> => {
    client.send(`<iq type='set' id='a'${to === '' ? '' : ` to='${to}'`}>${payload}</iq>`)
    const [answer] = await client.expect(
      /<iq [^>]*type="result"[^>]*id="a".*?<\/iq>|<iq [^>]*type="result"[^>]*id="a"[^>]*\/>/,
    )
    return answer
  }
  const node = "xmlns='http://jabber.org/protocol/commands' node='tidings:settings:0'"
  const session = /sessionid="([^"]+)"/.exec(await ask(bob, 'bob@localhost', `<command ${node}/>`))?.[1]
  await ask(
    bob,
    'bob@localhost',
    `<command ${node} sessionid='${session}'>${form(['groups', 'everyone'])}</command>`,
  )
  for (const room of ROOMS) {
    alice.send(`<presence to='${room}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await alice.expect('<subject/></message>')
    const fields = form(
      ['FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig'],
      ['tidings:groups#group', '1'],
    )
    await ask(alice, room, `<query xmlns='http://jabber.org/protocol/muc#owner'>${fields}</query>`)
  }
  await server.settled()
  // His home does not get to it.
  const release = server.hold('bob@localhost')
  for (const room of ROOMS)
    await ask(
      alice,
      room,
      "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='bob@localhost'/></query>",
    )
  server.kill(0)
  release()
  for (const room of ROOMS) {
    alice.send(`<message to='${room}' type='groupchat'><body>hello ${room}</body></message>`)
    await alice.expect(`<body>hello ${room}</body>`)
  }
  await server.pass(31_000)
  bob.send(
    "<iq type='get' id='b'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'/></pubsub></iq>",
  )
  const [answer] = await bob.expect(/<iq [^>]*id="b".*?<\/iq>/)
  for (const room of ROOMS) t.match(answer, `<item id="${room}">`, room)
})
