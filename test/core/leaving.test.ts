/** Sessions that end while something is under way: replaced, lost, or of an account that is removed. */
import t from 'tap'
import { StanzaError } from '../../src/core/errors.ts'
import { defineExtension, stage } from '../../src/core/extension.ts'
import { extensions } from '../../src/extensions/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { core } from '../support/core.ts'

/** Holds back what has a <slow/> until `open` is called. */
function gate() {
  const { promise, resolve: open } = Promise.withResolvers<undefined>()
  const slow = (kind: 'message' | 'presence') =>
    stage('guard', { kind, side: 'sender', child: ['slow', 'test'] }, () => promise)
  const extension = defineExtension({
    name: 'gate',
    doc: 'holds back stanzas',
    setup: () => ({ stages: [slow('message'), slow('presence')] }),
  })
  return { extension, open }
}

for (const nodes of [1, 2]) {
  t.test(`${nodes} node(s)`, async t => {
    t.test('an account that is removed while it signs in is not bound', async t => {
      const accounts = ['alice', 'bob']
      const server = core({ nodes, accounts })
      await server.routers[0]!.atHome.forget(JID.parse('carol@localhost'))
      await t.rejects(
        server.session('carol', 'c'),
        new StanzaError('not-allowed', { text: 'there is no such account any more' }),
      )
      const bob = await server.session('bob', 'b')
      await bob.send('message', { to: 'carol@localhost', id: '1' }, xml('body', {}, 'hi'))
      await server.settled()
      t.match(bob.received, [/service-unavailable/])
    })

    t.test('a replaced session that becomes available late does not haunt the others', async t => {
      const { extension, open } = gate()
      const server = core({ nodes, extensions: [...extensions, extension] })
      const other = await server.session('alice', 'other')
      await other.send('presence', {})
      const old = await server.session('alice', 'a', nodes - 1)
      const late = old.send('presence', {}, xml('slow', { xmlns: 'test' }))
      await new Promise(setImmediate)
      const heir = await server.session('alice', 'a')
      other.received.length = 0
      open(undefined)
      await late
      await old.handle.unbind()
      await server.settled()
      t.same(other.received, [], 'nobody hears of it')
      t.equal(old.closed, 'conflict')
      t.equal(heir.closed, undefined)
    })

    t.test('what is sent to a lost session whose own stanzas have not settled is kept', async t => {
      const { extension, open } = gate()
      const server = core({ nodes, extensions: [...extensions, extension] })
      const alice = await server.session('alice', 'a', nodes - 1)
      await alice.send('presence', {})
      await server.settled()
      const bob = await server.session('bob', 'b')
      const late = alice.send('message', { to: 'bob@localhost/b' }, xml('slow', { xmlns: 'test' }))
      await new Promise(setImmediate)
      alice.received.length = 0
      const unbound = alice.handle.unbind(true)
      for (let i = 0; i < 5; i++) await new Promise(setImmediate)
      await bob.send('message', { to: 'alice@localhost', type: 'chat', id: 'm1' }, xml('body', {}, 'hi'))
      open(undefined)
      await Promise.all([late, unbound])
      await server.settled()
      t.same(alice.received, [])
      const again = await server.session('alice', 'b')
      await again.send('presence', {})
      await server.settled()
      t.match(again.received.join(), /id="m1"/)
    })

    t.test(
      'a message on its way to an account that is removed is answered, not kept for a namesake',
      async t => {
        const { promise, resolve: open } = Promise.withResolvers<void>()
        const slow = defineExtension({
          name: 'slow',
          doc: 'holds the lane of an account',
          setup: () => ({
            on: {
              'session:bound': ({ session }) => (session.jid.resource === 'slow' ? promise : undefined),
            },
          }),
        })
        const server = core({ nodes, extensions: [...extensions, slow] })
        const account = JID.parse('alice@localhost')
        const alice = await server.session('alice', 'a')
        await alice.send('presence', {})
        const bob = await server.session('bob', 'b')
        const binding = server.session('alice', 'slow')
        for (let i = 0; i < 5; i++) await new Promise(setImmediate)
        const forgotten = server.routers[0]!.atHome.forget(account)
        for (let i = 0; i < 5; i++) await new Promise(setImmediate)
        const sent = bob.send(
          'message',
          { to: 'alice@localhost', type: 'chat', id: 'm1' },
          xml('body', {}, 'hi'),
        )
        for (let i = 0; i < 5; i++) await new Promise(setImmediate)
        open()
        await Promise.all([binding, forgotten, sent])
        await server.settled()
        t.match(bob.received, [/id="m1".*service-unavailable/])
        t.same((await server.storage.table('offline', 'lww').page(account)).items, [])
      },
    )
  })
}
