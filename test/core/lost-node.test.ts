/** A node dies with connections on it: what its clients may not have got comes to them when they are back. */
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
const MESSAGES = ['1', '2', '3']

const bodies = (received: readonly string[]): string[] =>
  received.flatMap(text => /<message .*<body>([^<]*)</.exec(text)?.[1] ?? [])

// The home of some of them is the node that dies, of others one that stays.
for (const name of NAMES.slice(1))
  t.test(name, async t => {
    const server = core({ nodes: 3, accounts: NAMES, extensions })
    const alice = await server.session('alice', 'r', 0)
    const before = await server.session(name, 'r', 2)
    for (const session of [alice, before]) await session.send('presence', {})
    await server.settled()
    for (const text of MESSAGES)
      await alice.send(
        'message',
        { to: `${name}@localhost`, type: 'chat', id: text },
        xml('origin-id', { xmlns: 'urn:xmpp:sid:0', id: text }),
        xml('body', {}, text),
      )
    await server.settled()
    // They have been written to a connection that ends here, and nobody knows whether its client has read them.
    t.same(bodies(before.received), MESSAGES)
    server.kill(2)
    await server.settled()
    const after = await server.session(name, 'r', 1)
    await after.send('presence', {})
    await server.settled()
    t.same(bodies(after.received), MESSAGES)
  })
