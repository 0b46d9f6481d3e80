import type { Archive, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')

/** Lines about purge, retention and forget. */
export const eraseContract: Lines = {
  'purge, then page': async (t, { storage }, clock) => {
    const archive = storage.archive('mam')
    for (let n = 0; n < 300; n++) {
      clock.time += 1000
      await talk(storage, n)
    }
    const all = (await archive.page(alice, { limit: 300 })).items
    const middle = all[150]!
    await archive.purge(alice, { before: middle.time })
    t.same((await archive.page(alice, { limit: 300 })).items, all.slice(150))
    await archive.purge(alice, { ids: [all[151]!.id, all[0]!.id, 5n] })
    t.same((await archive.page(alice, { limit: 300 })).items, [middle, ...all.slice(152)])
    t.equal((await archive.page(bob, { limit: 300 })).items.length, 300, "the other side's items stay")
    await archive.purge(alice, { upTo: all[200]!.id })
    t.same((await archive.page(alice, { limit: 300 })).items, all.slice(201))
    await archive.purge(alice)
    t.same(await archive.page(alice, { count: true }), { items: [], more: false, total: 0 })
    await talk(storage, 300)
    t.equal((await archive.page(alice)).items.length, 1)
    await archive.purge(bob)
    await storage.settled()
    t.equal((await archive.page(bob)).items.length, 0)
    t.equal((await archive.page(alice)).items.length, 1)
  },

  'a purge concerns what was committed before it': async (t, { storage }) => {
    const archive = storage.archive('mam')
    await talk(storage, 0)
    const before = talk(storage, 1)
    const purge = archive.purge(alice)
    const after = talk(storage, 2)
    await Promise.all([before, purge, after])
    const { items } = await archive.page(alice)
    t.same(
      items.map(({ payload }) => Buffer.from(payload).toString()),
      ['message 2'],
    )
  },

  'retention erases what is older, of all owners': async (t, { storage }, clock) => {
    const archive = storage.archive('mam')
    for (const [n, month] of [0, 1, 2, 2, 3].entries()) {
      clock.time = Date.UTC(2031, month, 10 + n)
      await talk(storage, n)
    }
    const rooms = storage.archive('rooms')
    await storage.commit([rooms.append(alice, { peer: bob, payload: Buffer.from('room') })])
    await archive.expire(Date.UTC(2031, 2, 13))
    for (const owner of [alice, bob]) t.strictSame(await texts(archive, owner), ['message 3', 'message 4'])
    await archive.expire(Date.UTC(2040, 0))
    t.strictSame(await texts(archive, alice), [])
    t.equal((await rooms.page(alice)).items.length, 1, 'of this archive only')
  },

  'retention of one domain leaves the others alone': async (t, { storage }, clock) => {
    const archive = storage.archive('mam')
    const dora = JID.parse('dora@example.net')
    const site = JID.parse('example.net')
    const people = [alice, bob, dora, site]
    for (const month of [0, 1, 2]) {
      clock.time = Date.UTC(2031, month, 10)
      const payload = Buffer.from(`month ${month}`)
      await storage.commit(people.map(owner => archive.append(owner, { peer: bob, payload })))
      if (month === 1) await storage.settled()
    }
    await archive.expire(Date.UTC(2031, 2), 'example.net')
    for (const owner of [dora, site]) t.strictSame(await texts(archive, owner), ['month 2'])
    for (const owner of [alice, bob]) t.equal((await archive.page(owner)).items.length, 3)
    await archive.expire(Date.UTC(2031, 1), 'example.org')
    for (const owner of [alice, bob]) t.strictSame(await texts(archive, owner), ['month 1', 'month 2'])
    await archive.expire(Date.UTC(2040, 1), 'nobody.example')
    for (const owner of [dora, site]) t.strictSame(await texts(archive, owner), ['month 2'])
  },

  'ids go on growing when everything was dropped, after reopening': async (t, opened, clock) => {
    const last = await talk(opened.storage, 0)
    await opened.storage.archive('mam').expire(Date.UTC(2050, 0))
    const storage = await opened.reopen()
    clock.time -= 86_400_000
    t.ok((await talk(storage, 1)) > last)
    t.equal((await storage.archive('mam').page(alice, { count: true })).total, 1)
    await storage.close()
  },

  'forget leaves nothing of an owner, and everything of others': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const counters = storage.table<number>('counters', 'cas')
    const archives = [storage.archive('mam'), storage.archive('rooms')]
    const keys = ['', ...Array.from({ length: 500 }, (_, n) => `k${n}`)]
    for (const owner of [alice, bob]) {
      await storage.commit(keys.map(key => table.put(owner, key, 'v')))
      await counters.update(owner, 'n', () => 1)
      for (const archive of archives)
        await storage.commit([archive.append(owner, { peer: bob, payload: Buffer.from('x') })])
    }
    await storage.forget(JID.parse('alice@example.org/phone'))
    t.same(await table.page(alice), { items: [], more: false })
    t.equal(await counters.get(alice, 'n'), undefined)
    for (const archive of archives) t.equal((await archive.page(alice, { count: true })).total, 0)
    t.same((await table.owners()).map(String), ['bob@example.org'])
    t.same((await counters.owners()).map(String), ['bob@example.org'])
    t.equal((await table.page(bob, {}, 1000)).items.length, keys.length)
    for (const archive of archives) t.equal((await archive.page(bob)).items.length, 1)
  },

  'forget concerns what was committed before it': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const counters = storage.table<number>('counters', 'cas')
    const keys = Array.from({ length: 1000 }, (_, n) => `k${n}`)
    await storage.commit(keys.map(key => table.put(alice, key, 'old')))
    await counters.update(alice, 'n', () => 1)
    const forgetting = storage.forget(alice)
    await storage.commit([
      table.put(alice, 'k1', 'new'),
      table.put(alice, 'k999', 'new'),
      table.put(alice, 'fresh', 'new'),
    ])
    await counters.update(alice, 'n', () => 2)
    await talk(storage, 0)
    await forgetting
    t.same(
      (await table.page(alice)).items.map(({ key, item }) => [key, item]),
      [
        ['fresh', 'new'],
        ['k1', 'new'],
        ['k999', 'new'],
      ],
    )
    t.equal(await counters.get(alice, 'n'), 2)
    t.equal((await storage.archive('mam').page(alice)).items.length, 1)
  },

  'forgetting somebody unknown': async (t, { storage }) => {
    await t.resolves(storage.forget(alice))
    await t.resolves(storage.archive('mam').purge(alice))
    await t.resolves(storage.archive('mam').expire(Date.UTC(2050, 0)))
  },
}

async function texts(archive: Archive, owner: JID): Promise<string[]> {
  const { items } = await archive.page(owner)
  return items.map(({ payload }) => Buffer.from(payload).toString())
}

/** Alice writes to Bob; the id in her archive. */
async function talk(storage: Storage, n: number): Promise<bigint> {
  const archive = storage.archive('mam')
  const payload = Buffer.from(`message ${n}`)
  const sent = archive.append(alice, { peer: bob, payload })
  await storage.commit([sent, archive.append(bob, { peer: alice, payload })])
  return sent.id
}
