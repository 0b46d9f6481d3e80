/** What a room says is heard in one order by all, at whatever node they are, also while a guard makes some of it wait. */
import t from 'tap'
import { signedIn } from '../support/signed-in.ts'
import { TestServer } from '../support/test-server.ts'

const ROOMS = Array.from({ length: 8 }, (_, i) => `room${i}@rooms.localhost`)
const EACH = 60

t.test('all occupants hear the same, in the same order, over two nodes', async t => {
  const users = ['alice', 'bob', 'carol', 'dave']
  const server = await TestServer.start({
    nodes: 2,
    accounts: users.map(user => [`${user}@localhost`, 'secret'] as const),
  })
  t.teardown(() => server.close())
  const clients = await Promise.all(
    users.map((user, i) => signedIn(t, server.ports[i % 2]!.tcp, user, 'secret')),
  )
  for (const room of ROOMS)
    for (const [i, client] of clients.entries()) {
      client.send(`<presence to='${room}/${users[i]}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
      await client.expect('<subject/></message>')
      if (i > 0) continue
      const form = "<x xmlns='jabber:x:data' type='submit'/>"
      const query = `<query xmlns='http://jabber.org/protocol/muc#owner'>${form}</query>`
      client.send(`<iq type='set' id='c' to='${room}'>${query}</iq>`)
      await client.expect('type="result" id="c"')
    }
  for (let n = 0; n < EACH; n++)
    for (const room of ROOMS)
      for (const [i, client] of clients.entries())
        client.send(`<message to='${room}' type='groupchat'><body>${room} ${users[i]} ${n}</body></message>`)
  const heard = await Promise.all(
    clients.map(async client => {
      const byRoom = new Map<string, string[]>()
      for (let i = 0; i < ROOMS.length * EACH * users.length; i++) {
        const [, room, what] = await client.expect(/<body>(room\d@\S+) ([a-z]+ \d+)<\/body>/)
        byRoom.set(room!, [...(byRoom.get(room!) ?? []), what!])
      }
      return byRoom
    }),
  )
  for (const room of ROOMS) {
    const first = heard[0]!.get(room)!
    for (const one of heard) t.strictSame(one.get(room), first, room)
    for (const user of users)
      t.strictSame(
        first.filter(what => what.startsWith(`${user} `)),
        Array.from({ length: EACH }, (_, n) => `${user} ${n}`),
        `${user} in ${room}`,
      )
  }
})
