/** What a room says: to sessions, in order, past the guards of those who get it. */
import t from 'tap'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { core, type TestSession } from '../support/core.ts'

const BO = JID.parse('tea@rooms.localhost/bo')
const DAVE = JID.parse('dave@localhost/r')

function saying(id: number): Stanza {
  return Stanza.build('message', { from: BO, type: 'groupchat', id: String(id) }, xml('body', {}, 'tea?'))
}

/** Ids of received messages. */
function heard({ received }: TestSession): number[] {
  return received.splice(0).map(text => Number(/ id="(\d+)"/.exec(text)?.[1]))
}

for (const nodes of [1, 2, 3])
  t.test(`${nodes} node(s)`, async t => {
    t.test('a guard that waits changes no order, and holds back nobody else', async t => {
      const gate = Promise.withResolvers<undefined>()
      const slow = defineExtension({
        name: 'slow',
        doc: 'looks at the first message for alice for a while, and lets none with number 3 through',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'message', side: 'recipient' }, ({ id }, { owner }) => {
              if (id === '3') return 'drop'
              return id === '0' && owner.local === 'alice' ? gate.promise : undefined
            }),
          ],
        }),
      })
      const server = core({ nodes, extensions: [slow] })
      const sessions = await Promise.all(
        ['alice', 'bob', 'carol'].map((user, i) => server.session(user, 'r', i % nodes)),
      )
      const all = sessions.map(({ jid }) => jid)
      for (let id = 0; id < 20; id++) server.routers[0]!.tellMany(saying(id), all, DAVE)
      for (let i = 0; i < 10; i++) await new Promise(setImmediate)
      const [alice, ...others] = sessions
      const passed = Array.from({ length: 20 }, (_, id) => id).filter(id => id !== 3)
      t.same(heard(alice!), [])
      for (const other of others) t.same(heard(other), passed)
      gate.resolve(undefined)
      await server.settled()
      t.same(heard(alice!), passed)
    })

    t.test('guards see the real address, too', async t => {
      const strict = defineExtension({
        name: 'strict',
        doc: 'nobody hears dave',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'message', side: 'recipient' }, ({ from }) =>
              from.local === 'dave' ? 'drop' : undefined,
            ),
          ],
        }),
      })
      const server = core({ nodes, extensions: [strict] })
      const alice = await server.session('alice', 'r', nodes - 1)
      server.routers[0]!.tellMany(saying(1), [alice.jid], DAVE)
      server.routers[0]!.tellMany(saying(2), [alice.jid], JID.parse('erin@localhost/r'))
      await server.settled()
      t.same(heard(alice), [2])
    })

    t.test('a guard that fails for one recipient takes nothing from the others', async t => {
      const broken = defineExtension({
        name: 'broken',
        doc: 'fails for alice',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'message', side: 'recipient' }, (_, { owner }) => {
              if (owner.local === 'alice') throw new Error('broken')
              return undefined
            }),
          ],
        }),
      })
      const server = core({ nodes, extensions: [broken] })
      const users = ['alice', 'bob', 'carol']
      const sessions = await Promise.all(users.map(user => server.session(user, 'r', nodes - 1)))
      const all = sessions.map(({ jid }) => jid)
      server.routers[0]!.tellMany(saying(1), all, DAVE)
      await server.settled()
      t.same(sessions.map(heard), [[], [1], [1]])
    })
  })
