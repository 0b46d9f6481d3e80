/** What a storage that several processes write to must do besides (ARCHITECTURE §9). */
import type { Test } from 'tap'
import type { Append, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { NOON, type TestClock } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const FOR_EVER = Number.POSITIVE_INFINITY

/** How to get at a back end with a fence. */
export interface FencedBackEnd {
  /** All slots. */
  readonly slots: readonly number[]
  slotOf(owner: string): number
  /** Empties the place that all storages of a line are opened at. */
  empty(): Promise<void>
  /** Opens it once more, without any slot. The caller closes it. */
  open(clock: TestClock): Promise<Storage>
}

type FenceLine = (t: Test, homes: Homes) => Promise<void>

/** Nodes that share a storage. */
class Homes {
  readonly clock: TestClock = { time: NOON, now: () => this.clock.time }
  readonly backEnd: FencedBackEnd
  readonly #t: Test

  constructor(t: Test, backEnd: FencedBackEnd) {
    this.#t = t
    this.backEnd = backEnd
  }

  /** A node without a slot. */
  async join(): Promise<Storage> {
    const storage = await this.backEnd.open(this.clock)
    this.#t.teardown(() => storage.close())
    return storage
  }

  /** A node that takes over all slots. Who had them before is not told: it was cut off. */
  async takeOver(storage: Storage): Promise<void> {
    await storage.fence!.take(this.backEnd.slots)
    storage.fence!.extend(this.backEnd.slots, FOR_EVER)
  }
}

const LINES: Readonly<Record<string, FenceLine>> = {
  'nothing is written for owners whose slots are not held': async (t, homes) => {
    const storage = await homes.join()
    const table = storage.table<number>('things', 'lww')
    await t.rejects(storage.commit([table.put(alice, 'k', 1)]), { code: 'unavailable' })
    await t.rejects(send(storage, 'x'), { code: 'unavailable' })
    await t.rejects(storage.forget(alice), { code: 'unavailable' })
    await t.rejects(storage.archive('mam').purge(alice), { code: 'unavailable' })
    const slot = homes.backEnd.slotOf(alice.toString())
    await storage.fence!.take([slot])
    await t.rejects(storage.commit([table.put(alice, 'k', 1)]), { code: 'unavailable' }, 'no time was given')
    storage.fence!.extend([slot], FOR_EVER)
    const results = await Promise.allSettled([
      storage.commit([table.put(alice, 'k', 1)]),
      storage.commit([table.put(bob, 'k', 1)]),
      storage.commit([table.put(alice, 'l', 1), table.put(bob, 'l', 1)]),
      storage.commit([table.put(alice, 'm', 1)]),
    ])
    t.same(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
      'of owners of other slots',
    )
    t.equal(await table.get(alice, 'k'), 1)
    t.equal(await table.get(alice, 'l'), undefined)
    storage.fence!.extend([slot], performance.now() - 1)
    await t.rejects(storage.commit([table.put(alice, 'k', 2)]), { code: 'unavailable' }, 'time is over')
    t.equal(await table.get(alice, 'k'), 1)
  },

  'no attempt is made that could end after the time given': async (t, homes) => {
    const storage = await homes.join()
    await homes.takeOver(storage)
    storage.fence!.extend(homes.backEnd.slots, performance.now() + 200)
    const table = storage.table<number>('things', 'lww')
    await t.rejects(storage.commit([table.put(alice, 'k', 1)]), { code: 'unavailable' })
    t.equal(await table.get(alice, 'k'), undefined)
  },

  'rows by compare-and-set are open to all': async (t, homes) => {
    const [one, other] = [await homes.join(), await homes.join()]
    await homes.takeOver(one)
    const tables = [one, other].map(storage => storage.table<number>('counters', 'cas'))
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => tables[n % 2]!.update(alice, 'n', (n = 0) => n + 1)),
    )
    t.equal(await tables[1]!.get(alice, 'n'), 20)
    t.same((await tables[0]!.owners()).map(String), ['alice@example.org'])
    await one.forget(alice)
    t.equal(await tables[1]!.get(alice, 'n'), undefined)
    await tables[1]!.update(alice, 'n', () => 1)
    t.same((await tables[0]!.owners()).map(String), ['alice@example.org'])
  },

  'the next home goes on: ids grow, numbers have no gap, keys hold, marks stay': async (t, homes) => {
    const given: Append[] = []
    for (let n = 1; n <= 4; n++) {
      const storage = await homes.join()
      await homes.takeOver(storage)
      homes.clock.time += n === 3 ? -3_600_000 : 1_000
      given.push(await send(storage, `a${n}`), await send(storage, `b${n}`))
      for (let before = 1; before < n; before++)
        t.match(await send(storage, `a${before}`), { repeated: true, id: given[before * 2 - 2]!.id })
      const marks = storage.table('read', 'mark')
      await storage.commit([marks.raise(alice, 'k', { value: BigInt(10 - n), time: n })])
      t.same(await marks.get(alice, 'k'), { value: 9n, time: 1 })
    }
    t.same(
      given.map(({ sequence }) => sequence),
      given.map((_, n) => n + 1),
    )
    t.ok(given.every(({ id }, n) => n === 0 || id > given[n - 1]!.id))
    const { items } = await (await homes.join()).archive('mam').page(alice)
    t.same(
      items.map(({ id }) => id),
      given.map(({ id }) => id),
    )
    t.ok(items.every(({ time }, n) => n === 0 || time >= items[n - 1]!.time))
  },

  'what a former home writes is not seen once the next one has begun': async (t, homes) => {
    const [former, next] = [await homes.join(), await homes.join()]
    const things = [former, next].map(storage => storage.table<string>('things', 'lww'))
    await homes.takeOver(former)
    await send(former, 'seen')
    await former.commit([things[0]!.put(alice, 'k', 'former'), things[0]!.put(alice, 'gone', 'former')])
    await homes.takeOver(next)
    await next.commit([things[1]!.put(alice, 'k', 'next'), things[1]!.delete(alice, 'gone')])
    const first = await send(next, 'first')
    // It was cut off, and is slow to notice.
    await send(former, 'late')
    await former.commit([things[0]!.put(alice, 'k', 'late'), things[0]!.put(alice, 'gone', 'late')])
    homes.clock.time += 40 * 86_400_000
    await send(former, 'late, in another month')
    await former.archive('mam').purge(alice, { ids: [first.id] })
    t.same(await texts(next), ['seen', 'first'])
    t.equal((await send(next, 'second')).sequence, 3)
    t.equal(await things[1]!.get(alice, 'k'), 'next')
    t.equal(await things[1]!.get(alice, 'gone'), undefined)
    const reader = await homes.join()
    t.same(await texts(reader), ['seen', 'first', 'second'], 'to whoever reads it anew')
    t.equal((await reader.archive('mam').page(alice, { peer: bob, count: true })).total, 3)
    t.same(await reader.verify(), [])
  },

  'a commit of which a home that died had stored one half is completed by who sends it again': async (
    t,
    homes,
  ) => {
    for (const half of ['sent', 'received'] as const) {
      const [former, next] = [await homes.join(), await homes.join()]
      const text = `half: ${half}`
      const payload = Buffer.from(text)
      const unique = { key: text }
      const parts = (storage: Storage) => {
        const archive = storage.archive('mam')
        return {
          sent: archive.append(alice, { peer: bob, payload, unique }),
          received: archive.append(bob, { peer: alice, payload, unique }),
        }
      }
      await homes.takeOver(former)
      const first = parts(former)[half]
      await former.commit([first])
      await homes.takeOver(next)
      for (const repeated of [false, true]) {
        const { sent, received } = parts(next)
        await next.commit([sent, received])
        for (const one of [sent, received]) t.equal(one.repeated, repeated)
        t.equal((half === 'sent' ? sent : received).id, first.id, 'the half that was there is the same')
      }
      for (const owner of [alice, bob]) {
        const { items } = await next.archive('mam').page(owner)
        t.equal(items.filter(item => Buffer.from(item.payload).equals(payload)).length, 1)
      }
    }
  },

  'rivals who take the same slots have different terms': async (t, homes) => {
    const rivals = await Promise.all([homes.join(), homes.join(), homes.join()])
    await Promise.all(rivals.map(rival => homes.takeOver(rival)))
    const table = rivals.map(rival => rival.table<number>('things', 'lww'))
    for (const [n, rival] of rivals.entries()) await rival.commit([table[n]!.put(alice, `k${n}`, n)])
    const ids = new Set<bigint>()
    for (const rival of rivals) ids.add((await send(rival, 'x', [])).id >> 40n)
    t.equal(ids.size, 3, 'the high bits of an id are the term')
  },

  'the home that gets its slots back reads what others have done meanwhile': async (t, homes) => {
    const [one, other] = [await homes.join(), await homes.join()]
    const reads = [one, other].map(storage => storage.table('read', 'mark'))
    for (const storage of [one, other, one, other, one]) {
      const n = storage === one ? 0 : 1
      await homes.takeOver(storage)
      const { sequence, id } = await send(storage, 'x', [])
      await storage.commit([reads[n]!.raise(alice, 'k', { value: id, time: sequence })])
      t.same(await reads[1 - n]!.get(alice, 'k'), { value: id, time: sequence })
    }
    const { items } = await one.archive('mam').page(alice)
    t.same(
      items.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5],
    )
  },

  'retention is the work of each home': async (t, homes) => {
    const [one, other] = [await homes.join(), await homes.join()]
    const slot = homes.backEnd.slotOf(alice.toString())
    await homes.takeOver(one)
    await other.fence!.take([slot])
    other.fence!.extend([slot], FOR_EVER)
    one.fence!.extend([slot], 0)
    await send(other, 'x')
    const payload = Buffer.from('y')
    await one.commit([one.archive('mam').append(bob, { peer: alice, payload })])
    await one.archive('mam').expire(homes.clock.time + 1)
    t.equal((await one.archive('mam').page(alice)).items.length, 1)
    t.equal((await one.archive('mam').page(bob)).items.length, 0)
    await other.archive('mam').expire(homes.clock.time + 1)
    t.equal((await one.archive('mam').page(alice)).items.length, 0)
  },
}

/** Runs what holds for storages with a fence. */
export function fenceContract(t: Test, backEnd: FencedBackEnd): void {
  for (const [says, line] of Object.entries(LINES))
    t.test(`fence: ${says}`, async t => {
      await backEnd.empty()
      await line(t, new Homes(t, backEnd))
    })
}

/** Alice writes to Bob, into her archive. The text is the key, too. */
async function send(storage: Storage, text: string, unless: readonly string[] = [text]): Promise<Append> {
  const item = { peer: bob, payload: Buffer.from(text), unique: { key: text, unless } }
  const sent = storage.archive('mam').append(alice, item)
  await storage.commit([sent])
  return sent
}

async function texts(storage: Storage): Promise<string[]> {
  const { items } = await storage.archive('mam').page(alice)
  return items.map(({ payload }) => Buffer.from(payload).toString())
}
