import t from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { defineExtension } from '../../src/core/extension.ts'
import type { Host } from '../../src/core/host.ts'
import { silentLog } from '../../src/core/log.ts'
import blocking from '../../src/extensions/blocking/index.ts'
import { BlockLists, blocks } from '../../src/extensions/blocking/list.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { core, type TestSession } from '../support/core.ts'

const alice = JID.parse('alice@localhost')
const bob = JID.parse('bob@localhost')

function command(who: TestSession, name: 'block' | 'unblock', ...jids: string[]): Promise<void> {
  const items = jids.map(jid => xml('item', { jid }))
  return who.send('iq', { type: 'set', id: '1' }, xml(name, { xmlns: NS.blocking }, items))
}

/** Lists over a storage whose reads are counted. */
function lists() {
  const storage = memoryStorage({ clock: systemClock })
  const table = storage.table<true>('blocking', 'lww')
  const counted = { reads: 0 }
  const page: typeof table.page = (...args) => {
    counted.reads++
    return table.page(...args)
  }
  const counting = { put: table.put.bind(table), delete: table.delete.bind(table), page }
  const host = { storage: { table: () => counting, commit: storage.commit.bind(storage) }, log: silentLog }
  return { counted, known: new BlockLists(host as unknown as Host) }
}

t.test('a list is read once, also of somebody who blocks nobody', async t => {
  const { counted, known } = lists()
  const [first, second] = await Promise.all([known.of(alice), known.of(alice)])
  t.equal(first, second)
  t.equal(known.of(alice), first, 'then it is at hand')
  const change = { added: ['bob@localhost'], removed: [] }
  await known.store(alice, change)
  t.equal(await blocks(known.of(alice), alice, bob), false)
  await known.hold(alice, change)
  t.equal(blocks(known.of(alice), alice, bob), true)
  t.equal(counted.reads, 1)
  known.forget(alice)
  t.same([...(await known.of(alice))], [], 'an account that is gone blocks nobody, whatever is still stored')
  t.equal(counted.reads, 1)
})

t.test('a list that could not be read is read again', async t => {
  const table = { page: () => Promise.reject(new Error('no disk')) }
  const known = new BlockLists({ storage: { table: () => table } } as unknown as Host)
  await t.rejects(Promise.resolve(known.of(alice)), /no disk/)
  await t.rejects(Promise.resolve(known.of(alice)), /no disk/)
})

t.test('long lists are read page by page', async t => {
  const { known } = lists()
  const added = Array.from({ length: 2_500 }, (_, i) => `user${i}@example.org`)
  await known.store(alice, { added, removed: [] })
  t.equal((await known.of(alice)).size, 2_500)
})

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
