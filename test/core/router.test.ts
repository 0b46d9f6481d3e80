import t from 'tap'
import { StanzaError } from '../../src/core/errors.ts'
import { defineExtension, get, stage } from '../../src/core/extension.ts'
import { xml } from '../../src/xml/element.ts'
import { core } from '../support/core.ts'

const body = (text: string) => xml('body', {}, text)

for (const nodes of [1, 2, 3]) {
  t.test(`${nodes} node(s)`, async t => {
    t.test('a message reaches every available resource of non-negative priority, and no other', async t => {
      const server = core({ nodes })
      const alice = await server.session('alice', 'a')
      const [one, two, negative, unavailable] = await Promise.all(
        ['one', 'two', 'negative', 'unavailable'].map((name, i) => server.session('bob', name, i % nodes)),
      )
      await one!.send('presence', {})
      await two!.send('presence', {}, xml('priority', {}, '5'))
      await negative!.send('presence', {}, xml('priority', {}, '-1'))
      await alice.send('message', { to: 'bob@localhost', type: 'chat', id: 'm1' }, body('hi'))
      await server.settled()
      const expected = [
        `<message to="bob@localhost" from="alice@localhost/a" type="chat" id="m1"><body>hi</body></message>`,
      ]
      t.same(one!.received, expected)
      t.same(two!.received, expected)
      t.same(negative!.received, [])
      t.same(unavailable!.received, [])
    })

    t.test('stanzas of one session are handled in order, although one of them waits', async t => {
      const gate = Promise.withResolvers<void>()
      const slow = defineExtension({
        name: 'slow',
        doc: 'holds back one message',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'message', side: 'sender', child: ['slow', 'test'] }, () =>
              gate.promise.then(() => undefined),
            ),
          ],
        }),
      })
      const server = core({ nodes, extensions: [slow] })
      const alice = await server.session('alice', 'a')
      const bob = await server.session('bob', 'b', nodes - 1)
      await bob.send('presence', {})
      const sent = [
        alice.send('message', { to: 'bob@localhost', id: '1' }, xml('slow', { xmlns: 'test' })),
        alice.send('message', { to: 'bob@localhost', id: '2' }, body('two')),
        alice.send('iq', { to: 'localhost', type: 'get', id: '3' }, xml('query', { xmlns: 'unknown' })),
      ]
      await new Promise(setImmediate)
      t.same(bob.received, [])
      t.same(alice.received, [])
      gate.resolve()
      await Promise.all(sent)
      await server.settled()
      t.same(
        bob.received.map(text => /id="(\d)"/.exec(text)?.[1]),
        ['1', '2'],
      )
      t.match(alice.received[0], /id="3".*service-unavailable/)
    })

    t.test('what a guard of the recipient refuses is answered to the sender', async t => {
      const refusing = defineExtension({
        name: 'refusing',
        doc: 'refuses every message at its recipient',
        setup: () => ({
          stages: [
            stage('guard', { kind: 'message', side: 'recipient' }, () => {
              throw new StanzaError('not-acceptable', {
                type: 'cancel',
                text: 'no',
                application: xml('blocked', { xmlns: 'test' }),
              })
            }),
          ],
        }),
      })
      const server = core({ nodes, extensions: [refusing] })
      const alice = await server.session('alice', 'a')
      await alice.send('message', { to: 'bob@localhost', id: 'x' }, body('hi'))
      await server.settled()
      t.equal(alice.received.length, 1)
      t.match(alice.received[0], /to="alice@localhost\/a" from="bob@localhost" type="error" id="x"/)
      t.match(
        alice.received[0],
        /<error type="cancel"><not-acceptable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"\/><text.*>no<\/text><blocked xmlns="test"\/><\/error>/,
      )
    })

    t.test('a fault in a handler answers with internal-server-error and harms nothing else', async t => {
      const faulty = defineExtension({
        name: 'faulty',
        doc: 'fails',
        setup: () => ({
          iq: [
            get('test', 'now', 'server', () => {
              throw new TypeError('no')
            }),
            get('test', 'later', 'server', async () => {
              throw new TypeError('no')
            }),
          ],
          on: {
            'session:presence': () => {
              throw new TypeError('no')
            },
          },
        }),
      })
      const server = core({ nodes, extensions: [faulty] })
      const alice = await server.session('alice', 'a')
      await alice.send('presence', {})
      await alice.send('iq', { to: 'localhost', type: 'get', id: '1' }, xml('now', { xmlns: 'test' }))
      await alice.send('iq', { to: 'localhost', type: 'get', id: '2' }, xml('later', { xmlns: 'test' }))
      await server.settled()
      t.same(
        alice.received.map(text => /type="error" id="(\d)".*internal-server-error/.exec(text)?.[1]),
        ['1', '2'],
      )
    })

    t.test('a resource that is bound again replaces the older session', async t => {
      const server = core({ nodes })
      const old = await server.session('alice', 'phone')
      const heir = await server.session('alice', 'phone', nodes - 1)
      await server.settled()
      t.equal(old.closed, 'conflict')
      t.equal(heir.closed, undefined)
      t.ok(old.jid.equals(heir.jid))
      await old.handle.unbind()
      const bob = await server.session('bob', 'b')
      await bob.send('message', { to: 'alice@localhost/phone', type: 'chat' }, body('hi'))
      await server.settled()
      t.equal(old.received.length, 0)
      t.equal(heir.received.length, 1)
    })

    t.test('an account that is forgotten loses its sessions', async t => {
      const server = core({ nodes })
      const alice = await server.session('alice', 'a', nodes - 1)
      await server.routers[0]!.atHome.forget(alice.jid)
      await server.settled()
      t.equal(alice.closed, 'not-authorized')
    })
  })
}

t.test('the conflict policies refuse and rename', async t => {
  const refusing = core({ policy: { conflict: 'refuse' } })
  await refusing.session('alice', 'a')
  await t.rejects(
    refusing.session('alice', 'a'),
    new StanzaError('conflict', { text: 'this resource is connected' }),
  )
  const renaming = core({ policy: { conflict: 'rename' } })
  await renaming.session('alice', 'a')
  const second = await renaming.session('alice', 'a')
  t.not(second.jid.resource, 'a')
})

t.test('an account has no more sessions than the limit allows; a replaced one makes room', async t => {
  const server = core({ policy: { sessionsPerAccount: 1 } })
  await server.session('alice', 'a')
  await t.rejects(
    server.session('alice', 'b'),
    new StanzaError('resource-constraint', { text: 'too many sessions of this account' }),
  )
  await server.session('alice', 'a')
})

t.test('while the storage is behind, what sessions send waits, in order', async t => {
  const server = core()
  const alice = await server.session('alice', 'a')
  const bob = await server.session('bob', 'b')
  await bob.send('presence', {})
  bob.received.length = 0
  const relief = Promise.withResolvers<void>()
  server.storage.pressure = () => relief.promise
  const sent = ['1', '2'].map(id => alice.send('message', { to: 'bob@localhost', id }, body(id)))
  await new Promise(setImmediate)
  t.same(bob.received, [])
  relief.resolve()
  await Promise.all(sent)
  t.same(
    bob.received.map(text => /id="(\d)"/.exec(text)?.[1]),
    ['1', '2'],
  )
})
