/** How far an account has come with its archive, as the storage knows it: what a crash leaves. */
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'
import { FaultyStorage } from '../support/faulty-storage.ts'

const BOB = JID.parse('bob@localhost')

async function start() {
  const server = core({ extensions })
  const alice = await server.session('alice', '1')
  const write = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      await alice.send('message', { to: 'bob@localhost', type: 'chat' }, xml('body', {}, 'x'))
    await server.settled()
  }
  /** How many archived messages the storage takes for delivered. */
  const delivered = async (): Promise<number> => {
    const mark = await server.storage.table('delivered', 'mark').get(BOB, 'archive')
    const { items } = await server.storage.archive('messages').page(BOB, { limit: 1_000 })
    return items.filter(({ id }) => id <= (mark?.value ?? 0n)).length
  }
  const bob = async (resource: string) => {
    const session = await server.session('bob', resource)
    await session.send('presence', {})
    await server.settled()
    return session
  }
  const chats = ({ received }: { received: string[] }): number =>
    received.splice(0).filter(text => text.startsWith('<message')).length
  return { ...server, write, delivered, bob, chats }
}

t.test('what has reached a client is stored when its session ends, and handed to no other', async t => {
  const { write, delivered, bob, chats, settled } = await start()
  const phone = await bob('phone')
  await write(10)
  t.equal(chats(phone), 10)
  t.equal(await delivered(), 0, 'not with each message')
  await phone.handle.unbind()
  await settled()
  t.equal(await delivered(), 10)
  await write(3)
  const next = await bob('next')
  t.equal(chats(next), 3)
  t.equal(await delivered(), 13)
  t.equal(chats(await bob('third')), 0)
})

t.test('who has taken messages and leaves before he is told of the next has them', async t => {
  const { session, write, bob, chats, settled } = await start()
  // More than is handed over at a time.
  await write(150)
  const hasty = await session('bob', 'hasty')
  let leaving: unknown
  const push = hasty.received.push.bind(hasty.received)
  hasty.received.push = (...texts) => {
    const count = push(...texts)
    if (leaving === undefined && count > 110) {
      hasty.drained = undefined
      leaving = hasty.handle.unbind(true)
    }
    return count
  }
  await hasty.send('presence', {})
  await settled()
  await leaving
  t.equal(chats(await bob('next')), 50, 'the rest')
  t.equal(chats(await bob('third')), 0)
})

t.test('of a long session not much comes again after a crash', async t => {
  const { write, delivered, bob } = await start()
  await bob('phone')
  await write(64)
  await write(1)
  t.equal(await delivered(), 64, 'stored with the message that came next')
})

t.test('a resource of negative priority takes nothing from the others', async t => {
  const { session, write, bob, chats, settled } = await start()
  const low = await session('bob', 'low')
  await low.send('presence', {}, xml('priority', {}, '-1'))
  await write(2)
  t.equal(chats(low), 0)
  t.equal(chats(await bob('phone')), 2)
  await low.send('presence', {}, xml('priority', {}, '0'))
  await settled()
  t.equal(chats(low), 0, 'the account has them')
})

t.test('with the account goes what is known of it', async t => {
  const { write, delivered, bob, routers, settled, storage } = await start()
  await bob('phone')
  await write(5)
  await routers[0]!.atHome.forget(BOB)
  await settled()
  t.equal(await delivered(), 0)
  t.same((await storage.archive('messages').page(BOB)).items, [])
})

t.test(
  'of an account that is removed while its client takes messages nothing is stored any more',
  async t => {
    const { session, write, routers, settled, storage } = await start()
    await write(5)
    const bob = await session('bob', 'slow')
    const taken = Promise.withResolvers<0>()
    bob.drained = taken.promise
    await bob.send('presence', {})
    while (!bob.received.some(text => text.startsWith('<message'))) await new Promise(setImmediate)
    const router = routers[0]!
    await router.hostOf(BOB).accounts.remove(BOB)
    await router.atHome.forget(BOB)
    taken.resolve(0)
    await settled()
    t.equal(await storage.table('delivered', 'mark').get(BOB, 'archive'), undefined)
  },
)

t.test('a storage that fails for a moment does not keep from a session what waits for its user', async t => {
  const clock = new ManualClock()
  const faulty = new FaultyStorage(memoryStorage({ clock }))
  const server = core({ extensions, clock, storage: faulty.storage })
  const alice = await server.session('alice', '1')
  const body = xml('body', {}, 'x')
  for (let i = 0; i < 3; i++) await alice.send('message', { to: 'bob@localhost', type: 'chat' }, body)
  await server.settled()
  const bob = await server.session('bob', '1')
  const chats = () => bob.received.filter(text => text.startsWith('<message')).length
  faulty.failing = true
  void bob.send('presence', {})
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  t.equal(chats(), 0)
  faulty.failing = false
  clock.advance(1_000)
  await server.settled()
  t.equal(chats(), 3)
  t.equal(bob.closed, undefined)
})

t.test('where it fails for long the session ends: its client comes again', async t => {
  const clock = new ManualClock()
  const faulty = new FaultyStorage(memoryStorage({ clock }))
  const server = core({ extensions, clock, storage: faulty.storage })
  const alice = await server.session('alice', '1')
  await alice.send('message', { to: 'bob@localhost', type: 'chat' }, xml('body', {}, 'x'))
  await server.settled()
  const bob = await server.session('bob', '1')
  faulty.failing = true
  void bob.send('presence', {})
  for (let turn = 0; turn < 1_000 && bob.closed === undefined; turn++) {
    await new Promise(setImmediate)
    clock.advance(100)
  }
  t.equal(bob.closed, 'internal-server-error')
})
