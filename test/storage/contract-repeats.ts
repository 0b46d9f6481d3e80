import type { Append, Storage, Unique } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const HOUR = 3_600_000

/** Lines about stanzas that come twice (ARCHITECTURE §7). */
export const repeatContract: Lines = {
  'a repeated item is not stored again, nor is what comes with it': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    const first = await send(storage, { key: 'k' })
    const archive = storage.archive('mam')
    const payload = Buffer.from('again')
    const again = archive.append(alice, { peer: bob, payload, unique: { key: 'k' } })
    const theirs = archive.append(bob, { peer: alice, payload })
    const foreign = archive.append(JID.parse('carol@example.org'), { peer: alice, payload })
    await storage.commit([theirs, table.put(bob, 'k', 1), again, foreign])
    t.match(again, { repeated: true, id: first.id, sequence: first.sequence, unread: 0 })
    t.match(theirs, { repeated: true, unread: 0 }, 'what the first copy has for others need not be known')
    t.match(foreign, { repeated: true, sequence: 0, unread: 0 }, 'the first copy was not for them')
    t.equal(await table.get(bob, 'k'), undefined)
    for (const owner of [alice, bob]) t.equal((await archive.page(owner)).items.length, 1)
    t.match(await send(storage, { key: 'l' }), { repeated: false, sequence: 2 }, 'no number is lost')
  },

  'of many copies at once one is stored': async (t, { storage }) => {
    const copies = await Promise.all(
      Array.from({ length: 300 }, (_, n) => send(storage, { key: `k${n % 3}` })),
    )
    t.equal(copies.filter(({ repeated }) => !repeated).length, 3)
    t.equal(new Set(copies.map(({ id }) => id)).size, 3)
    t.equal(new Set(copies.map(({ sequence }) => sequence)).size, 3)
    t.equal((await storage.archive('mam').page(bob)).items.length, 3)
  },

  'keys are those of one owner in one archive': async (t, { storage }) => {
    await send(storage, { key: 'k' })
    for (const [name, owner] of [
      ['mam', bob],
      ['rooms', alice],
    ] as const) {
      const other = storage
        .archive(name)
        .append(owner, { peer: bob, payload: Buffer.from('x'), unique: { key: 'k' } })
      await storage.commit([other])
      t.equal(other.repeated, false)
    }
  },

  'other keys than its own can be in the way': async (t, { storage }) => {
    const first = await send(storage, { key: 'stream 1: a' })
    t.match(await send(storage, { key: 'stream 1: a', unless: [] }), { repeated: false })
    const unless = ['stream 0: a', 'stream 1: a', 'stream 2: a']
    t.match(await send(storage, { key: 'stream 3: a', unless }), { repeated: true })
    t.match(await send(storage, { key: 'stream 3: b', unless: ['stream 1: b'] }), { repeated: false })
    t.ok(first.id > 0n)
  },

  'what was refused has left no key': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const archive = storage.archive('mam')
    const item = { peer: bob, payload: Buffer.from('x'), unique: { key: 'k' } }
    const commits = Array.from({ length: 10 }, () =>
      storage.commit([archive.append(alice, item), table.put(alice, 'k'.repeat(2000), 'x')]),
    )
    for (const { status } of await Promise.allSettled(commits)) t.equal(status, 'rejected')
    t.match(await send(storage, { key: 'k' }), { repeated: false, sequence: 1 })
    await t.rejects(send(storage, { key: 'x'.repeat(1025) }), { code: 'too-large' })
    await t.rejects(send(storage, { key: 'x', unless: ['\0'] }), { code: 'invalid' })
  },

  'a key holds for a day, whatever becomes of its item, and not for ever': async (t, { storage }, clock) => {
    const first = await send(storage, { key: 'k' })
    await storage.settled()
    clock.time += 12 * HOUR
    await send(storage, { key: 'l' })
    await storage.archive('mam').purge(alice)
    clock.time += 11 * HOUR
    t.match(await send(storage, { key: 'k' }), { repeated: true, id: first.id })
    for (let day = 0; day < 3; day++) {
      clock.time += 25 * HOUR
      await send(storage, { key: `day ${day}` })
      await storage.settled()
    }
    t.match(await send(storage, { key: 'k' }), { repeated: false })
    t.match(await send(storage, { key: 'day 2' }), { repeated: true })
  },

  'keys outlive a reopening, and go when their owner is forgotten': async (t, opened) => {
    await send(opened.storage, { key: 'k' })
    await opened.storage.settled()
    await send(opened.storage, { key: 'l' })
    const storage = await opened.reopen()
    for (const key of ['k', 'l']) t.match(await send(storage, { key }), { repeated: true })
    await storage.forget(alice)
    for (const key of ['k', 'l']) t.match(await send(storage, { key }), { repeated: false })
    await storage.close()
  },
}

/** Alice writes to Bob; her append. */
async function send(storage: Storage, unique: Unique): Promise<Append> {
  const archive = storage.archive('mam')
  const payload = Buffer.from(unique.key.slice(0, 20))
  const sent = archive.append(alice, { peer: bob, payload, unique })
  await storage.commit([sent, archive.append(bob, { peer: alice.withResource('phone'), payload })])
  return sent
}
