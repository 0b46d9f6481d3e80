import { memoryStorage } from '../../src/storage/memory.ts'
import type { ArchiveEntry, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { randomNumbers } from '../support/random.ts'
import { type Lines, NOON, type TestClock } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const carol = JID.parse('carol@example.net')
const DAY = 86_400_000
const MONTH = 31 * DAY

/** Lines about items that come from another storage. */
export const restoreContract: Lines = {
  'what comes from another storage is as it was there': async (t, { storage }) => {
    const from = await elsewhere(300)
    for (const owner of [alice, bob, carol]) await move(from, storage, owner)
    await same(t, from, storage)
    for (const peer of [bob, carol, bob.withResource('phone')])
      t.strictSame(
        (await storage.archive('mam').page(alice, { peer, limit: 1_000, count: true })).items.map(plain),
        (await from.archive('mam').page(alice, { peer, limit: 1_000 })).items.map(plain),
      )
  },

  'counts and ids go on after it': async (t, { storage }) => {
    const from = await elsewhere(40)
    await move(from, storage, alice)
    const last = (await all(from, alice)).at(-1)!
    const ofBob = (await from.archive('mam').page(alice, { peer: bob, reverse: true, limit: 1 })).items[0]!
    const append = storage.archive('mam').append(alice, { peer: bob, payload: bytes('new'), unread: true })
    await storage.commit([append])
    t.ok(append.id > last.id)
    t.equal(append.sequence, ofBob.sequence + 1)
    t.equal(append.unread, ofBob.unread + 1)
    await storage.settled()
    t.equal((await all(storage, alice)).length, (await all(from, alice)).length + 1)
  },

  'it may be older or newer than what others have': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const dave = JID.parse('dave@example.org')
    const talk = async (text: string) => {
      const append = archive.append(dave, { peer: alice, payload: bytes(text) })
      await storage.commit([append])
      return append
    }
    const before = await talk('before')
    const from = await elsewhere(60)
    await move(from, storage, alice)
    const between = await talk('between')
    await move(from, storage, bob)
    await storage.settled()
    const after = await talk('after')
    t.ok(before.id < between.id && between.id < after.id, 'ids of all owners grow, whatever comes')
    t.strictSame([before.sequence, between.sequence, after.sequence], [1, 2, 3])
    t.strictSame((await all(storage, dave)).map(text), ['before', 'between', 'after'])
    for (const owner of [alice, bob])
      t.strictSame((await all(storage, owner)).map(plain), (await all(from, owner)).map(plain))
  },

  'each side sees what it had, tombstones too, and can erase it': async (t, { storage }) => {
    const from = await elsewhere(20)
    const items = await all(from, alice)
    const shared = (await all(from, bob)).find(({ id }) => items.some(item => item.id === id))!
    const archive = storage.archive('mam')
    await from.commit([from.archive('mam').replace(alice, shared.id, bytes('a tombstone'))])
    for (const owner of [alice, bob]) await move(from, storage, owner)
    const seen = async (owner: JID) => (await archive.page(owner, { ids: [shared.id] })).items.map(text)
    t.strictSame([await seen(alice), await seen(bob)], [['a tombstone'], [text(shared)]])
    await archive.purge(bob, { ids: [shared.id] })
    t.strictSame([await seen(alice), await seen(bob)], [['a tombstone'], []])
    await storage.forget(alice)
    t.strictSame([await all(storage, alice), (await all(storage, bob)).length], [[], 9])
  },

  'whoever was forgotten can be brought back': async (t, { storage }) => {
    const from = await elsewhere(50)
    for (const owner of [alice, bob]) await move(from, storage, owner)
    await storage.forget(alice)
    await move(from, storage, alice)
    t.strictSame((await all(storage, alice)).map(plain), (await all(from, alice)).map(plain))
    t.strictSame((await all(storage, bob)).map(plain), (await all(from, bob)).map(plain))
    for (const owner of [alice, bob]) await storage.forget(owner)
    for (const owner of [bob, alice]) await move(from, storage, owner)
    for (const owner of [alice, bob]) {
      t.strictSame((await all(storage, owner)).map(plain), (await all(from, owner)).map(plain))
      const { items } = await storage.archive('mam').page(owner, { peer: owner === alice ? bob : alice })
      t.equal(items.length, 25, 'by peer, too')
    }
  },

  'what has come is there after a restart, between what was there and what follows': async (t, opened) => {
    const from = await elsewhere(60)
    const archive = opened.storage.archive('mam')
    const dave = JID.parse('dave@example.org')
    const talk = () => archive.append(dave, { peer: alice, payload: bytes('now') })
    await opened.storage.commit([talk()])
    for (const owner of [alice, bob, carol]) await move(from, opened.storage, owner)
    await opened.storage.commit([talk(), archive.append(alice, { peer: dave, payload: bytes('then') })])
    const again = await opened.reopen()
    t.strictSame((await all(again, dave)).map(text), ['now', 'now'])
    t.strictSame((await all(again, alice)).slice(0, -1).map(plain), (await all(from, alice)).map(plain))
    t.equal(text((await all(again, alice)).at(-1)!), 'then')
    for (const owner of [bob, carol])
      t.strictSame((await all(again, owner)).map(plain), (await all(from, owner)).map(plain))
    const { items } = await again.archive('mam').page(bob, { peer: alice })
    t.equal(items.length, 30, 'by peer, too')
    await again.close()
  },

  'rows tell when they go, and tables what they are': async (t, { storage }, clock) => {
    const table = storage.table<number>('left', 'lww')
    storage.table('seen', 'mark')
    await storage.commit([table.put(alice, 'goes', 1, 5_000), table.put(alice, 'stays', 2)])
    t.strictSame((await table.page(alice)).items, [
      { key: 'goes', item: 1, expires: clock.time + 5_000 },
      { key: 'stays', item: 2 },
    ])
    t.equal(storage.tables().get('left'), 'lww')
    t.equal(storage.tables().get('seen'), 'mark')
  },

  'what does not fit is refused, all of it': async (t, { storage }, clock) => {
    const from = await elsewhere(4)
    const items = await all(from, alice)
    const archive = storage.archive('mam')
    const [first] = items as [ArchiveEntry]
    for (const [wrong, why] of [
      [[items[1]!, items[0]!], 'not in order'],
      [[first, first], 'twice'],
      [[{ ...first, id: 2n ** 62n }], 'no id of that time'],
      [[{ ...first, id: BigInt(clock.time + 40 * DAY) * 1024n, time: clock.time + 40 * DAY }], 'far ahead'],
      [Array.from({ length: 1_001 }, () => first), 'too many'],
    ] as const)
      await t.rejects(archive.restore(alice, wrong), { code: 'invalid' }, why)
    t.strictSame(await all(storage, alice), [])
    await archive.restore(alice, items)
    await t.rejects(archive.restore(alice, items.slice(-1)), { code: 'invalid' }, 'there already')
    t.strictSame((await all(storage, alice)).map(plain), items.map(plain))
  },
}

/** A storage with a conversation of some months before NOON: half of the messages with Bob, who keeps them too; others with Carol. */
async function elsewhere(messages: number): Promise<Storage> {
  const clock: TestClock = { time: NOON - 3 * MONTH, now: () => clock.time }
  const storage = memoryStorage({ clock })
  const archive = storage.archive('mam')
  const random = randomNumbers(messages)
  for (let n = 0; n < messages; n++) {
    clock.time += Math.floor((random() * 4 * MONTH) / messages / 2)
    const payload = bytes(`<message>${n}</message>`)
    const unread = random() < 0.3
    const withBob = n % 2 === 0
    const peer = withBob ? (random() < 0.5 ? bob : bob.withResource('phone')) : carol
    await storage.commit([
      archive.append(alice, { peer, payload, unread }),
      ...(withBob ? [archive.append(bob, { peer: alice, payload })] : []),
    ])
  }
  return storage
}

async function move(from: Storage, to: Storage, owner: JID): Promise<void> {
  const items = await all(from, owner)
  for (let n = 0; n < items.length; n += 70) await to.archive('mam').restore(owner, items.slice(n, n + 70))
}

async function same(t: { strictSame(a: unknown, b: unknown): unknown }, from: Storage, to: Storage) {
  for (const owner of [alice, bob, carol])
    t.strictSame((await all(to, owner)).map(plain), (await all(from, owner)).map(plain))
}

async function all(storage: Storage, owner: JID): Promise<readonly ArchiveEntry[]> {
  return (await storage.archive('mam').page(owner, { limit: 1_000 })).items
}

function plain({ peer, payload: _, ...rest }: ArchiveEntry, place: number) {
  return { ...rest, peer: peer.toString(), place }
}

function text({ payload }: ArchiveEntry): string {
  return Buffer.from(payload).toString()
}

function bytes(text: string): Buffer {
  return Buffer.from(text)
}
