/** XEP-0045 §11.2: rooms when the service ends. */
import t from 'tap'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOM = 'tea@rooms.localhost'
const USERS = ['alice', 'bob'] as const

t.test('occupants are told, each of himself, before their streams end', async t => {
  const server = await TestServer.start({
    accounts: USERS.map(user => [`${user}@localhost`, 'secret'] as const),
    config: { listeners: { xmpp: { address: '127.0.0.1', port: 0, tls: 'offered' } } },
  })
  const port = server.ports.at(-1)!.tcp
  const alice = await signedIn(t, port, 'alice', 'secret')
  const bob = await signedIn(t, port, 'bob', 'secret')
  alice.send(`<presence to='${ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await alice.expect('<subject/></message>')
  const owner =
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
  alice.send(`<iq type='set' id='c' to='${ROOM}'>${owner}</iq>`)
  await alice.expect('type="result" id="c"')
  bob.send(`<presence to='${ROOM}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await bob.expect('<subject/></message>')
  await alice.expect(/tea@rooms.localhost\/bob.*?<\/presence>/s)
  await server.settled()
  const closed = server.close()
  for (const [client, nick] of [
    [alice, 'alice'],
    [bob, 'bob'],
  ] as const) {
    const [heard] = await client.expect(/^.*system-shutdown/s)
    const presences = heard.match(/<presence .*?<\/presence>/gs) ?? []
    t.equal(presences.length, 1, heard)
    t.match(presences[0], `from="${ROOM}/${nick}"`)
    t.match(presences[0], 'type="unavailable"')
    t.match(presences[0], 'role="none"')
    t.match(presences[0], '<status code="110"/><status code="332"/>')
  }
  await closed
})
