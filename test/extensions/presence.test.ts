import t from 'tap'
import presence from '../../src/extensions/presence/index.ts'
import roster, { type ContactRow } from '../../src/extensions/roster/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { core, type TestSession } from '../support/core.ts'

const priority = (value: string) => xml('priority', {}, value)
const status = (text: string) => xml('status', {}, text)
const server = (nodes = 1) => core({ extensions: [roster, presence], nodes })

/** Received presences as `resource [type] [status]`; forgets them. */
function seen(session: TestSession): string[] {
  return session.received.splice(0).map(text => {
    const from = /from="([^"]*)"/.exec(text)?.[1]?.replace(/^.*\//, '')
    return [from, /<presence[^>]* type="(\w+)"/.exec(text)?.[1], /<status>(.*?)</.exec(text)?.[1]]
      .filter(Boolean)
      .join(' ')
  })
}

for (const nodes of [1, 2, 3]) {
  t.test(`${nodes} node(s)`, async t => {
    // RFC 6121 §4.2.2: "including the resource that generated the presence notification in the first place".
    t.test(
      'initial presence goes to all available resources of the user, also the new one, which learns of the others',
      async t => {
        const { session, settled } = server(nodes)
        const phone = await session('alice', 'phone')
        const laptop = await session('alice', 'laptop', nodes - 1)
        const silent = await session('alice', 'silent')
        const other = await session('bob', 'b')
        await other.send('presence', {})
        await settled()
        seen(other)
        await phone.send('presence', {}, status('on the phone'))
        await settled()
        t.match(phone.received, [
          '<presence to="alice@localhost" from="alice@localhost/phone"><status>on the phone</status></presence>',
        ])
        t.same(seen(phone), ['phone on the phone'])
        t.same(laptop.received, [], 'it is not available')
        await laptop.send('presence', {}, priority('-5'))
        await settled()
        t.same(seen(laptop), ['laptop', 'phone on the phone'])
        t.same(seen(phone), ['laptop'])
        t.same([...silent.received, ...other.received], [])
      },
    )

    // RFC 6121 §4.4.2, §4.5.2.
    t.test('later and unavailable presence likewise', async t => {
      const { session, settled } = server(nodes)
      const phone = await session('alice', 'phone')
      const laptop = await session('alice', 'laptop', nodes - 1)
      await phone.send('presence', {})
      await laptop.send('presence', {})
      await settled()
      seen(phone)
      seen(laptop)
      await phone.send('presence', {}, status('busy'))
      await settled()
      t.same(seen(phone), ['phone busy'])
      t.same(seen(laptop), ['phone busy'])
      await phone.send('presence', { type: 'unavailable' }, status('bye'))
      await settled()
      t.same(seen(phone), ['phone unavailable bye'])
      t.same(seen(laptop), ['phone unavailable bye'])
      await phone.send('presence', { type: 'unavailable' })
      await settled()
      t.same([...phone.received, ...laptop.received], [], 'it was not available any more')
    })

    // RFC 6121 §4.5.2: "the server MUST generate an unavailable presence stanza" when a session ends without one.
    t.test('a session that ends becomes unavailable, unless it is already', async t => {
      const { session, settled } = server(nodes)
      const phone = await session('alice', 'phone')
      const laptop = await session('alice', 'laptop', nodes - 1)
      await phone.send('presence', {})
      await laptop.send('presence', {})
      await settled()
      seen(laptop)
      await phone.handle.unbind()
      await settled()
      t.same(seen(laptop), ['phone unavailable'])
      const silent = await session('alice', 'silent')
      await silent.handle.unbind()
      await settled()
      t.same(laptop.received, [])
    })

    // RFC 6121 §4.6.3.
    t.test(
      'directed presence is delivered, and taken back when its session becomes unavailable or ends',
      async t => {
        const { session, settled } = server(nodes)
        const phone = await session('alice', 'phone')
        const laptop = await session('alice', 'laptop')
        const bob = await session('bob', 'b', nodes - 1)
        const carol = await session('carol', 'c')
        await carol.send('presence', {})
        await settled()
        seen(carol)
        await phone.send('presence', { to: 'bob@localhost/b' }, status('only for you'))
        await phone.send('presence', { to: 'carol@localhost' })
        await laptop.send('presence', { to: 'bob@localhost/b' })
        await laptop.send('presence', { to: 'bob@localhost/b', type: 'unavailable' })
        await settled()
        t.same(seen(bob), ['phone only for you', 'laptop', 'laptop unavailable'])
        t.same(seen(carol), ['phone'])
        await phone.send('presence', { type: 'unavailable' }, status('bye'))
        await settled()
        t.same(seen(bob), ['phone unavailable bye'])
        t.same(seen(carol), ['phone unavailable bye'])
        await phone.handle.unbind()
        await laptop.handle.unbind()
        await settled()
        t.same([...bob.received, ...carol.received], [], 'each has been told')
        const tablet = await session('alice', 'tablet')
        await tablet.send('presence', { to: 'bob@localhost/b' })
        await tablet.handle.unbind()
        await settled()
        t.same(seen(bob), ['tablet', 'tablet unavailable'])
      },
    )
  })
}

// RFC 6121 §3.1.1: a subscription is somebody's.
t.test('a subscription or a probe without address is refused', async t => {
  const { session } = server()
  const alice = await session('alice', 'a')
  for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe']) {
    await alice.send('presence', { type, id: type })
    t.match(alice.received.pop(), new RegExp(`type="error" id="${type}".*<error type="modify"><bad-request`))
  }
  t.same(alice.received, [])
})

// RFC 6121 §4.7.1, §4.7.2.3.
t.test('wrong presence is refused and changes nothing', async t => {
  const { session, settled } = server()
  const alice = await session('alice', 'a')
  for (const [attributes, child] of [
    [{ type: 'invisible' }, undefined],
    [{}, priority('128')],
    [{}, priority('high')],
  ] as const) {
    await alice.send('presence', attributes, ...(child === undefined ? [] : [child]))
    t.match(alice.received.pop(), /type="error".*<error type="modify"><bad-request/)
  }
  await alice.send('presence', { type: 'error' })
  await settled()
  t.same(alice.received, [], 'an error is not answered')
  const other = await session('alice', 'other')
  await other.send('presence', {})
  await settled()
  t.same(seen(other), ['other'], 'nothing of that made the session available')
})

t.test('directed presence goes to a thousand entities and no more', async t => {
  const { session, settled } = server()
  const alice = await session('alice', 'a')
  for (let i = 0; i < 1_000; i++) await alice.send('presence', { to: `bob@localhost/${i}` })
  t.same(alice.received, [])
  await alice.send('presence', { to: 'bob@localhost/1000' })
  t.match(alice.received.pop(), /<error type="wait"><resource-constraint/)
  await alice.send('presence', { to: 'bob@localhost/5' })
  await alice.send('presence', { to: 'bob@localhost/7', type: 'unavailable' })
  await alice.send('presence', { to: 'bob@localhost/1000' })
  await settled()
  t.same(alice.received, [])
})

t.test('RFC 6121 §3.1.2, §4.3: what goes to another server for a new resource', async t => {
  const { session, settled, routers, storage } = server()
  const elsewhere: string[] = []
  routers[0]?.services.add('elsewhere.example', {
    owner: jid => jid,
    receive: stanza => void elsewhere.push(stanza.encode().toString()),
  })
  const rows = storage.table<ContactRow>('roster', 'lww')
  const owner = JID.parse('alice@localhost')
  const row = { listed: true, approved: false, version: 1 }
  await storage.commit([
    rows.put(owner, 'friend@elsewhere.example', { ...row, state: 'both' }),
    rows.put(owner, 'asked@elsewhere.example', { ...row, state: 'none+out' }),
    rows.put(owner, 'stranger@elsewhere.example', { ...row, state: 'none' }),
    rows.put(owner, 'bob@localhost', { ...row, state: 'none+out' }),
  ])
  const bob = await session('bob', 'b')
  await bob.send('presence', {})
  const alice = await session('alice', 'a')
  await alice.send('presence', {})
  await settled()
  t.equal(seen(bob).length, 1, 'a request to an account here is not lost')
  t.match(elsewhere, [
    '<presence to="friend@elsewhere.example" from="alice@localhost/a"/>',
    '<presence to="friend@elsewhere.example" from="alice@localhost" type="probe"/>',
    /<presence to="asked@elsewhere.example" from="alice@localhost" type="subscribe" id="[^"]+"\/>/,
  ])
  t.equal(elsewhere.length, 3)
  await alice.send('presence', {}, status('back'))
  await settled()
  t.equal(elsewhere.length, 4, 'once for each session')
})

t.test(
  'RFC 6121 §8.5.3.2.2: an answer to a resource that is not there is ignored, a request is not',
  async t => {
    const { session, settled, routers, storage } = server()
    const rows = storage.table<ContactRow>('roster', 'lww')
    const owner = JID.parse('alice@localhost')
    const asked: ContactRow = { listed: true, approved: false, version: 1, state: 'none+out' }
    await storage.commit([rows.put(owner, 'bob@localhost', asked)])
    const alice = await session('alice', 'a')
    await alice.send('presence', {})
    const arrive = async (type: string, to: string): Promise<void> => {
      routers[0]?.route(
        Stanza.build('presence', { type, from: JID.parse('bob@localhost'), to: JID.parse(to) }),
      )
      await settled()
    }
    for (const type of ['subscribed', 'unsubscribed', 'unsubscribe'])
      await arrive(type, 'alice@localhost/gone')
    t.equal((await rows.get(owner, 'bob@localhost'))?.state, 'none+out')
    await arrive('subscribe', 'alice@localhost/gone')
    t.equal((await rows.get(owner, 'bob@localhost'))?.state, 'none+out+in')
    await arrive('subscribed', 'alice@localhost/a')
    t.equal((await rows.get(owner, 'bob@localhost'))?.state, 'to+in')
  },
)
