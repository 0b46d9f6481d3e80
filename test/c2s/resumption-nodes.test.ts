/** XEP-0198 §5: a session moves from node to node while messages come: none is lost, repeated or out of order. */
import t from 'tap'
import { PASSWORD, session } from '../support/c2s.ts'
import { answered, ids, managed, resuming } from '../support/managed.ts'
import { TestServer } from '../support/test-server.ts'

const NODES = 3
const MOVES = 12
const EACH = 20

// The home is one of the nodes, another one for each of them.
for (const name of ['alice', 'carol', 'dave', 'erin'])
  t.test(`${name}'s session`, async t => {
    const server = await TestServer.start({
      nodes: NODES,
      accounts: [
        [`${name}@localhost`, PASSWORD],
        ['bob@localhost', PASSWORD],
      ],
    })
    t.teardown(() => server.close())
    const port = (node: number): number => server.ports[node % NODES]!.tcp
    const bob = await session(port(0), 'bob', 'b')
    let { client, id } = await managed(port(0), name, 'a')
    const got: string[] = []
    let next = 0
    const write = (): void => {
      for (let i = 0; i < EACH; i++)
        bob.send(`<message to='${name}@localhost/a' id='${next++}' type='chat'><body>hi</body></message>`)
    }
    for (let move = 1; move <= MOVES; move++) {
      write()
      // Some are on their way to the connection that it has, some to the one it gets.
      if (move % 3 === 0) client.socket.resetAndDestroy()
      const moving = resuming(port(move), name, id, got.length)
      write()
      const other = await moving
      write()
      const [text] = await other.expect(/^[\s\S]*<resumed [^>]*>/)
      t.notMatch(text, '<failed')
      client.socket.destroy()
      client = other
      const last = new RegExp(`^[\\s\\S]*id="${next - 1}"[\\s\\S]*?</message>`)
      got.push(...ids((await client.expect(last))[0]))
    }
    t.same(
      got,
      Array.from({ length: next }, (_, i) => String(i)),
    )
    client.send(`<a xmlns='urn:xmpp:sm:3' h='${got.length}'/>`)
    t.same(ids(await answered(client, 'goes-on')), [])
    bob.socket.destroy()
    client.socket.destroy()
  })
