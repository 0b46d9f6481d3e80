/** How presence reaches an owner beside, or behind, what goes on in his lane. */
import t from 'tap'
import { StanzaError } from '../../src/core/errors.ts'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { core, type TestSession } from '../support/core.ts'

const BOB = JID.parse('bob@localhost')

/** Received presence, as its type or its status. */
function heard({ received }: TestSession): (string | undefined)[] {
  return received
    .splice(0)
    .filter(text => text.startsWith('<presence'))
    .map(text => (/<status>(.*?)</.exec(text) ?? / type="(\w+)"/.exec(text))?.[1])
}

/** Lets everything go on that need not wait for a gate. */
async function pass(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
}

for (const nodes of [1, 2, 3])
  t.test(`${nodes} node(s)`, async t => {
    t.test('a message that is being seen to holds back no presence', async t => {
      const gate = Promise.withResolvers<undefined>()
      const slow = defineExtension({
        name: 'slow',
        doc: 'holds the lane of whoever gets a message',
        setup: () => ({
          stages: [stage('outcome', { kind: 'message', side: 'recipient' }, () => gate.promise)],
        }),
      })
      const server = core({ nodes, extensions: [slow] })
      const alice = await server.session('alice', 'a')
      const carol = await server.session('carol', 'c')
      const bob = await server.session('bob', 'b', nodes - 1)
      await bob.send('presence', {})
      const sent = alice.send('message', { to: 'bob@localhost', type: 'chat' })
      await pass()
      const directed = carol.send('presence', { to: 'bob@localhost/b' }, xml('status', {}, 'directed'))
      const news = Stanza.build('presence', { from: carol.jid }, xml('status', {}, 'broadcast'))
      server.routers[0]!.spread(news, [BOB])
      await pass()
      t.same(heard(bob).sort(), ['broadcast', 'directed'])
      gate.resolve(undefined)
      await Promise.all([sent, directed])
      await server.settled()
      t.same(heard(bob), [])
    })

    // RFC 6120 §10.1: what a contact says follows the answer to a request for it.
    t.test('presence does not overtake other presence that waits', async t => {
      const gate = Promise.withResolvers<undefined>()
      const slow = defineExtension({
        name: 'slow',
        doc: 'holds back what somebody says to a request',
        setup: host => ({
          presence: [
            {
              type: 'subscribed',
              side: 'recipient',
              handler: async (presence, { owner }) => {
                await gate.promise
                for (const session of host.sessions(owner)) session.send(presence)
                return []
              },
            },
          ],
        }),
      })
      const server = core({ nodes, extensions: [slow] })
      const carol = await server.session('carol', 'c')
      const bob = await server.session('bob', 'b', nodes - 1)
      await bob.send('presence', {})
      const sent = carol.send('presence', { to: 'bob@localhost', type: 'subscribed' })
      await pass()
      const news = Stanza.build('presence', { from: carol.jid }, xml('status', {}, 'broadcast'))
      server.routers[0]!.spread(news, [BOB])
      await pass()
      t.same(heard(bob), [])
      gate.resolve(undefined)
      await sent
      await server.settled()
      t.same(heard(bob), ['subscribed', 'broadcast'])
    })

    t.test('guards see presence that is spread, and may hold it back, drop it or refuse it', async t => {
      const gate = Promise.withResolvers<undefined>()
      const picky = defineExtension({
        name: 'picky',
        doc: 'looks at presence that comes',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'presence', side: 'recipient' }, ({ from }, { owner }) => {
              t.equal(owner.toString(), 'bob@localhost')
              if (from.local === 'alice') return 'drop'
              if (from.local === 'erin') throw new StanzaError('forbidden')
              if (from.local === 'frank') return Promise.reject(new StanzaError('forbidden'))
              return from.local === 'carol' ? gate.promise : undefined
            }),
          ],
        }),
      })
      const server = core({ nodes, extensions: [picky] })
      const bob = await server.session('bob', 'b', nodes - 1)
      await bob.send('presence', {})
      for (const name of ['alice', 'carol', 'erin', 'frank', 'dave']) {
        const from = JID.parse(`${name}@localhost/x`)
        server.routers[0]!.spread(Stanza.build('presence', { from }, xml('status', {}, name)), [BOB])
      }
      await pass()
      t.same(heard(bob), ['dave'])
      gate.resolve(undefined)
      await server.settled()
      t.same(heard(bob), ['carol'])
    })

    t.test('what has to be stored of presence that is spread is stored', async t => {
      const diary = defineExtension({
        name: 'diary',
        doc: 'keeps who was there',
        setup: host => {
          const table = host.storage.table<string>('diary', 'lww')
          return {
            stages: [
              stage('record', { kind: 'presence', side: 'recipient' }, ({ from }, { owner }) => [
                table.put(owner, from.toString(), 'was there'),
              ]),
            ],
          }
        },
      })
      const server = core({ nodes, extensions: [diary] })
      const bob = await server.session('bob', 'b', nodes - 1)
      await bob.send('presence', {})
      const from = JID.parse('carol@localhost/x')
      server.routers[0]!.spread(Stanza.build('presence', { from }, xml('status', {}, 'hello')), [BOB])
      await server.settled()
      t.same(heard(bob), ['hello'])
      t.equal(await server.storage.table('diary', 'lww').get(BOB, from.toString()), 'was there')
    })
  })
