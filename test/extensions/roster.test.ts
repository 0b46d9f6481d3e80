import t from 'tap'
import blocking from '../../src/extensions/blocking/index.ts'
import presence from '../../src/extensions/presence/index.ts'
import roster, { type NewContact, type Rosters } from '../../src/extensions/roster/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { type CoreOptions, core, type TestSession } from '../support/core.ts'

const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')
const carol = JID.parse('carol@localhost')
const both = (contact: JID): NewContact => ({ contact, subscription: 'both' })

function server(options: CoreOptions = {}) {
  const running = core({ extensions: [blocking, roster, presence], ...options })
  /** The rosters of the node that is home to an account. */
  const rosters = (account: JID): Rosters => {
    const home = running.routers.find(({ cluster }) => cluster.homeOf(account.toString()) === cluster.node)
    return home?.host('localhost')?.use(roster) as Rosters
  }
  /** Adds contacts as an import does, from whichever node. */
  const add = async (account: JID, contacts: readonly NewContact[]): Promise<void> => {
    const plain = contacts.map(({ contact, subscription }) => [contact.toString(), subscription] as const)
    await running.routers[0]?.atHome.run('roster:add', account, plain)
  }
  const befriend = async (a: JID, b: JID): Promise<void> => {
    await add(a, [both(b)])
    await add(b, [both(a)])
  }
  return { ...running, rosters, add, befriend }
}

/** Asks for the roster and gives what came. */
async function getRoster(
  session: TestSession,
  settled: () => Promise<void>,
  ver?: string,
): Promise<string[]> {
  await session.send('iq', { type: 'get', id: 'r' }, xml('query', { xmlns: NS.roster, ver }))
  await settled()
  return session.received.splice(0)
}

const setItem = (session: TestSession, jid: string, more: Record<string, string> = {}) =>
  session.send(
    'iq',
    { type: 'set', id: 's' },
    xml('query', { xmlns: NS.roster }, xml('item', { jid, ...more })),
  )

const versionOf = (text: string | undefined) => / ver="(\d+)"/.exec(text ?? '')?.[1]

t.test(
  'ten thousand contacts are kept, given in the order of their addresses, and no more are taken',
  async t => {
    const { session, settled, add } = server()
    const number = (i: number) => String(i).padStart(5, '0')
    const many = Array.from({ length: 10_000 }, (_, i) => both(JID.parse(`c${number(i)}@elsewhere.example`)))
    await add(alice, many)
    const phone = await session('alice', 'phone')
    const [answer = ''] = await getRoster(phone, settled)
    const found = [...answer.matchAll(/<item jid="([^"]*)" subscription="both"\/>/g)].map(([, jid]) => jid)
    t.equal(found.length, 10_000)
    t.same(found, [...found].sort())
    await setItem(phone, 'one-more@elsewhere.example')
    await settled()
    t.match(phone.received.pop(), /<error type="cancel"><not-allowed/)
    // Presence to all of them: there is no way to their domain, and nobody hears of that.
    await phone.send('presence', {})
    await settled()
    t.same(phone.received, ['<presence to="alice@localhost" from="alice@localhost/phone"/>'])
  },
)

// RFC 6121 §2.6.3.
t.test('changes since a version, as long as they are remembered', async t => {
  const { session, settled } = server({ clock: new ManualClock(1_000_000) })
  const phone = await session('alice', 'phone')
  await setItem(phone, 'first@localhost')
  const [, , first] = [await settled(), phone.received.splice(0), await getRoster(phone, settled, '')]
  const version = versionOf(first?.[0])
  t.equal(version, '1000000', 'the time, so that no version comes twice')
  for (let i = 0; i < 50; i++) await setItem(phone, `c${i}@localhost`)
  await settled()
  phone.received.length = 0
  const changes = await getRoster(phone, settled, version)
  t.equal(changes.length, 51, 'fifty changes are sent one by one')
  t.match(changes[0], /type="result" id="r"\/>$/)
  t.same(
    changes.slice(1).map(text => Number(versionOf(text))),
    Array.from({ length: 50 }, (_, i) => 1_000_001 + i),
    'in their order',
  )
  await setItem(phone, 'c50@localhost')
  await settled()
  phone.received.length = 0
  const [whole, ...more] = await getRoster(phone, settled, version)
  t.match(whole, /<query xmlns="jabber:iq:roster" ver="1000051"><item /, 'more, and it is the whole roster')
  t.same(more, [])
})

t.test('so many removals are remembered and no more', async t => {
  const { session, settled, storage } = server({ clock: new ManualClock(1_000_000) })
  const phone = await session('alice', 'phone')
  for (let i = 0; i < 101; i++) await setItem(phone, `c${i}@localhost`)
  const versions: (string | undefined)[] = []
  for (let i = 0; i < 101; i++) {
    await setItem(phone, `c${i}@localhost`, { subscription: 'remove' })
    await settled()
    versions.push(versionOf((await getRoster(phone, settled, ''))[0] ?? phone.received[0]))
  }
  phone.received.length = 0
  t.equal((await storage.table('roster', 'lww').page(alice, {}, 1_000)).items.length, 100)
  const [whole] = await getRoster(phone, settled, String(Number(versions[0]) - 1))
  t.match(whole, /<query xmlns="jabber:iq:roster" ver="\d+"\/>/, 'before the first: the whole roster')
  const last = await getRoster(phone, settled, versions.at(-3))
  t.equal(last.length, 3)
  t.match(last[2], /jid="c100@localhost" subscription="remove"/)
})

t.test('what is stored is found again when the roster is no more in memory', async t => {
  const running = server()
  const { session, settled, rosters } = running
  const phone = await session('alice', 'phone')
  await setItem(phone, 'bob@localhost', { name: 'Bob' })
  await phone.send('presence', { type: 'subscribe', to: 'bob@localhost' })
  await settled()
  const [before] = (await getRoster(phone, settled, '')).slice(-1)
  rosters(alice).forget(alice)
  const [after] = await getRoster(phone, settled, '')
  t.equal(after, before)
  t.match(after, '<item jid="bob@localhost" name="Bob" subscription="none" ask="subscribe"/>')
})

t.test('a change that cannot be stored is refused and has no effect', async t => {
  const { session, settled, storage, rosters } = server()
  const phone = await session('alice', 'phone')
  await getRoster(phone, settled)
  const { commit } = storage
  storage.commit = () => Promise.reject(new Error('disk full'))
  await setItem(phone, 'bob@localhost')
  await settled()
  t.match(phone.received.splice(0), [/type="error".*<error type="wait"><internal-server-error/])
  storage.commit = commit
  t.match(await getRoster(phone, settled), [/<query xmlns="jabber:iq:roster" ver="0"\/>/])
  t.same(await rosters(alice).list(alice), [])
})

t.test('others may ask who is whose contact, whether the owner is there or not', async t => {
  const { session, rosters, add } = server()
  await add(alice, [both(bob), { contact: carol, subscription: 'to' }])
  for (const there of [false, true]) {
    if (there) await session('alice', 'phone')
    t.equal(await rosters(alice).subscription(alice, bob.withResource('desk')), 'both')
    t.equal(await rosters(alice).subscription(alice, carol), 'to')
    t.equal(await rosters(alice).subscription(alice, JID.parse('dave@localhost')), 'none')
    t.same((await rosters(alice).list(alice)).map(String), ['bob@localhost', 'carol@localhost'])
  }
})

t.test('contacts that are added are pushed; names and groups of those that are there stay', async t => {
  const { session, settled, add } = server()
  const phone = await session('alice', 'phone')
  await setItem(phone, 'bob@localhost', { name: 'Bob' })
  await getRoster(phone, settled)
  await add(alice, [both(bob), both(carol)])
  t.match(phone.received, [
    /<item jid="bob@localhost" name="Bob" subscription="both"\/>/,
    /<item jid="carol@localhost" subscription="both"\/>/,
  ])
})

for (const nodes of [1, 2]) {
  t.test(`${nodes} node(s): an account that is removed leaves its contacts`, async t => {
    const { routers, session, settled, befriend, storage } = server({ nodes })
    await befriend(alice, bob)
    const phone = await session('alice', 'phone')
    const desk = await session('bob', 'desk', nodes - 1)
    await getRoster(desk, settled)
    await phone.send('presence', {})
    await desk.send('presence', {})
    await settled()
    desk.received.length = 0
    await routers[0]?.atHome.forget(alice)
    await settled()
    t.match(desk.received, [
      '<presence to="bob@localhost" from="alice@localhost/phone" type="unavailable"/>',
      '<presence to="bob@localhost" from="alice@localhost" type="unsubscribe"/>',
      /subscription="to"/,
      '<presence to="bob@localhost" from="alice@localhost" type="unsubscribed"/>',
      /subscription="none"/,
    ])
    t.same((await storage.table('roster', 'lww').page(alice)).items, [])
  })

  t.test(`${nodes} node(s): no presence needs the storage, nor one frame for each contact`, async t => {
    const names = Array.from({ length: 20 }, (_, i) => `user${i}`)
    const { routers, session, settled, add, storage } = server({ nodes, accounts: ['alice', ...names] })
    const contacts = names.map(name => JID.parse(`${name}@localhost`))
    await add(alice, contacts.map(both))
    for (const contact of contacts) await add(contact, [both(alice)])
    const sessions = await Promise.all(names.map(name => session(name, 'r')))
    for (const one of sessions) await one.send('presence', {})
    const phone = await session('alice', 'phone')
    await phone.send('presence', {})
    await settled()
    t.equal(phone.received.length, 21, 'every contact is there')
    const frames: string[] = []
    for (const { cluster } of routers) {
      const { request } = cluster
      cluster.request = (node, frame) => {
        frames.push(frame.op)
        return request.call(cluster, node, frame)
      }
    }
    let reads = 0
    const table = storage.table('roster', 'lww')
    const read = Object.getPrototypeOf(Object.getPrototypeOf(table))
    const { get, page } = read
    t.teardown(() => Object.assign(read, { get, page }))
    const counting = <F extends (...args: never[]) => unknown>(method: F) =>
      function (this: unknown, ...args: Parameters<F>) {
        reads++
        return method.apply(this, args)
      }
    Object.assign(read, { get: counting(get), page: counting(page) })
    for (const one of sessions) one.received.length = 0
    await phone.send('presence', {}, xml('show', {}, 'away'))
    await settled()
    t.equal(sessions.filter(one => one.received.length === 1).length, 20)
    t.equal(frames.filter(op => op === 'spread').length, nodes - 1)
    t.equal(frames.filter(op => op === 'receive').length, 0)
    t.equal(reads, 0)
  })
}
