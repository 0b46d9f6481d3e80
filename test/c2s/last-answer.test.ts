/**
 * XEP-0198 §4: It is RECOMMENDED that initiating entities (usually clients) send an <a/> element right before they gracefully close the
 * stream, in order to inform the peer about received stanzas. Otherwise it can happen that stanzas are re-sent
 *
 * So with messages that waited for a user: what is acknowledged nobody is handed again, the rest is, however the client leaves. (No
 * dialogue, since these come to rest only when all has been acknowledged.)
 */
import t from 'tap'
import { PASSWORD, session } from '../support/c2s.ts'
import { answered, ids, managed } from '../support/managed.ts'
import type { RawClient } from '../support/raw-client.ts'
import { TestServer } from '../support/test-server.ts'

const COUNT = 5

const STORES = {
  archive: { archive: {} },
  'offline queue': {},
}

const LEAVES = {
  'closes its stream': (bob: RawClient, h: number) => bob.send(`${acknowledgement(h)}</stream:stream>`),
  'drops its connection': (bob: RawClient, h: number) => bob.socket.end(acknowledgement(h)),
}

function acknowledgement(h: number): string {
  return `<a xmlns='urn:xmpp:sm:3' h='${h}'/>`
}

for (const [store, extensions] of Object.entries(STORES))
  for (const nodes of [1, 2])
    t.test(`${store}, ${nodes} node(s)`, async t => {
      const accounts = ['alice', 'bob', 'carol'].map(name => [`${name}@localhost`, PASSWORD] as const)
      const server = await TestServer.start({ nodes, accounts, config: { extensions } })
      t.teardown(() => server.close())
      // Bob's home is one of the nodes, carol's the other one.
      for (const name of ['bob', 'carol'])
        for (const [how, leave] of Object.entries(LEAVES))
          for (const acknowledged of [0, 2, COUNT])
            await t.test(`${name} ${how} with ${acknowledged} acknowledged`, async t => {
              const alice = await session(server.ports[0]!.tcp, 'alice', 'a')
              for (let i = 0; i < COUNT; i++)
                alice.send(`<message to='${name}@localhost' id='${i}' type='chat'><body>hi</body></message>`)
              await answered(alice, 'sent')
              const { client } = await managed(server.ports.at(-1)!.tcp, name, 'a')
              client.send('<presence/>')
              await client.expect(new RegExp(`id="${COUNT - 1}"[\\s\\S]*<r [^>]*>`))
              // One more, for presence.
              leave(client, acknowledged + 1)
              await client.end()
              await server.pass(301_000)
              const again = await session(server.ports[0]!.tcp, name, 'b')
              again.send('<presence/>')
              await again.expect('<presence ')
              await server.settled()
              const left = ids(await answered(again, 'all'))
              t.same(
                left,
                Array.from({ length: COUNT - acknowledged }, (_, i) => String(acknowledged + i)),
              )
              // Without a word it would be taken to send the next ones again: they have the same ids.
              alice.send('</stream:stream>')
              await alice.end()
              again.socket.destroy()
            })
    })
