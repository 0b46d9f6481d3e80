import t from 'tap'
import { defineExtension } from '../../src/core/extension.ts'
import blocking from '../../src/extensions/blocking/index.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'

const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')
const body = xml('body', {}, 'hi')

function command(who: TestSession, name: 'block' | 'unblock', ...jids: string[]): Promise<void> {
  const items = jids.map(jid => xml('item', { jid }))
  return who.send('iq', { type: 'set', id: '1' }, xml(name, { xmlns: NS.blocking }, items))
}

t.test(
  'a list is read once, also of somebody who blocks nobody, and again after the account is gone',
  async t => {
    const { session, settled, routers, storage } = core({ extensions: [blocking] })
    const table = storage.table('blocking', 'lww')
    let reads = 0
    const { page } = table
    table.page = (...args) => {
      reads++
      return page.apply(table, args)
    }
    t.equal(storage.table('blocking', 'lww'), table, 'the extension uses the very table that is counted')
    const [desk, other] = [await session('alice', 'desk'), await session('bob', 'desk')]
    for (let i = 0; i < 3; i++) await desk.send('message', { to: 'bob@localhost/desk', type: 'chat' }, body)
    t.equal(other.received.length, 3)
    t.equal(reads, 2, 'the list of each side')
    await command(desk, 'block', 'bob@localhost')
    await settled()
    await desk.send('message', { to: 'bob@localhost/desk', type: 'chat' }, body)
    t.equal(reads, 2)
    await routers[0]?.forget(alice)
    const again = await session('alice', 'desk')
    await again.send('message', { to: 'bob@localhost/desk', type: 'chat' }, body)
    t.equal(other.received.length, 4, 'a new account of this name blocks nobody')
    t.equal(reads, 3)
  },
)

t.test('what is blocked is stored', async t => {
  const { session, settled, storage } = core({ extensions: [blocking] })
  const desk = await session('alice', 'desk')
  await command(desk, 'block', 'Bob@localhost', 'carol@localhost/x')
  await settled()
  await command(desk, 'unblock', 'bob@localhost')
  await settled()
  const { items } = await storage.table('blocking', 'lww').page(alice)
  t.same(
    items.map(({ key }) => key),
    ['carol@localhost/x'],
  )
})

t.test('others are told, before a block holds and after it has ended, and may ask', async t => {
  const heard: unknown[] = []
  const listener = defineExtension({
    name: 'listener',
    doc: 'listens',
    requires: [blocking],
    setup: host => ({
      on: {
        'contacts:blocking': async ({ owner, jids }) => {
          heard.push(['blocking', String(owner), jids, await host.use(blocking).blocks(owner, bob)])
        },
        'contacts:unblocked': async ({ owner, jids }) => {
          heard.push(['unblocked', String(owner), jids, await host.use(blocking).blocks(owner, bob)])
        },
      },
    }),
  })
  const { session, settled } = core({ extensions: [blocking, listener] })
  const desk = await session('alice', 'desk')
  await command(desk, 'block', 'bob@localhost', 'carol@localhost')
  await settled()
  await command(desk, 'block', 'bob@localhost')
  await settled()
  await command(desk, 'unblock')
  await settled()
  await command(desk, 'unblock', 'bob@localhost')
  await settled()
  const both = ['bob@localhost', 'carol@localhost']
  t.same(heard, [
    ['blocking', 'alice@localhost', both, false],
    ['unblocked', 'alice@localhost', both, false],
  ])
})

t.test('two changes at once lose nothing', async t => {
  const { session, settled } = core({ extensions: [blocking] })
  const [desk, phone] = [await session('alice', 'desk'), await session('alice', 'phone')]
  await Promise.all([
    command(desk, 'block', 'a.example', 'b.example'),
    command(phone, 'block', 'c.example'),
    command(desk, 'unblock', 'a.example'),
  ])
  await settled()
  desk.received.length = 0
  await desk.send('iq', { type: 'get', id: '2' }, xml('blocklist', { xmlns: NS.blocking }))
  await settled()
  t.match(desk.received[0], '<item jid="b.example"/><item jid="c.example"/>')
})
