import { memoryStorage } from '../../src/storage/memory.ts'
import { StorageError, type Write } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const TOO_LARGE = 'x'.repeat(8 * 1024 * 1024)

/** Lines about commits. */
export const commitContract: Lines = {
  'all of it or nothing': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const archive = storage.archive('mam')
    const append = archive.append(bob, { peer: alice, payload: Buffer.from('hello') })
    const writes = [table.put(alice, 'a', 'v'), append, table.put(bob, 'b', TOO_LARGE)]
    await t.rejects(storage.commit(writes), { code: 'too-large' })
    t.equal(await table.get(alice, 'a'), undefined)
    t.same((await archive.page(bob)).items, [])
    t.throws(() => append.id, { code: 'invalid' })
  },

  'a commit that cannot be stored leaves its neighbours alone': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const results = await Promise.allSettled([
      storage.commit([table.put(alice, 'a', 'v')]),
      storage.commit([table.put(alice, 'b', TOO_LARGE)]),
      storage.commit([table.put(alice, 'c', 'v')]),
    ])
    t.same(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    t.same(
      (await table.page(alice)).items.map(({ key }) => key),
      ['a', 'c'],
    )
  },

  'commits resolve in the order of the calls': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        await storage.commit([table.put(alice, `k${n % 7}`, n)])
        order.push(n)
      }),
    )
    t.same(
      order,
      Array.from({ length: 300 }, (_, n) => n),
    )
    for (let key = 0; key < 7; key++) t.equal((await table.get(alice, `k${key}`))! % 7, key)
    t.equal(await table.get(alice, 'k5'), 299, 'the last call won')
  },

  'what is committed is read at once': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    for (let n = 0; n < 50; n++) {
      await storage.commit([table.put(alice, 'k', n)])
      t.equal(await table.get(alice, 'k'), n)
    }
  },

  'readers see a commit whole or not at all': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    let running = true
    const reading = (async () => {
      while (running) {
        const { items } = await table.page(alice)
        const values = new Set(items.map(({ item }) => item))
        if (values.size > 1) return t.fail(`half of a commit was seen: ${[...values]}`)
      }
      return t.pass('never half of one')
    })()
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`)
    for (let n = 0; n < 40; n++) await storage.commit(keys.map(key => table.put(alice, key, n)))
    running = false
    await reading
  },

  'an empty commit is stored at once': async (t, { storage }) => {
    await t.resolves(storage.commit([]))
  },

  'only writes of this storage, once': async (t, { storage }, clock) => {
    const table = storage.table<number>('things', 'lww')
    const write = table.put(alice, 'k', 1)
    await storage.commit([write])
    await t.rejects(storage.commit([write]), { code: 'invalid' })
    const foreign = memoryStorage({ clock }).table<number>('things', 'lww').put(alice, 'k', 2)
    await t.rejects(storage.commit([foreign]), { code: 'invalid' })
    await t.rejects(storage.commit([{ owner: alice } as Write]), { code: 'invalid' })
    t.equal(await table.get(alice, 'k'), 1)
  },

  'a closed storage refuses; what was committed before is stored': async (t, opened) => {
    const { storage } = opened
    const table = storage.table<number>('things', 'lww')
    const counters = storage.table<number>('counters', 'cas')
    const last = storage.commit([table.put(alice, 'k', 1)])
    const closing = storage.close()
    await t.resolves(last)
    await closing
    await t.resolves(storage.close(), 'twice does no harm')
    const late: [string, () => Promise<unknown>][] = [
      ['commit', () => storage.commit([table.put(alice, 'k', 2)])],
      ['get', () => table.get(alice, 'k')],
      ['page', () => table.page(alice)],
      ['owners', () => table.owners()],
      ['update', () => counters.update(alice, 'k', () => 1)],
      ['archive', () => storage.archive('mam').page(alice)],
      ['purge', () => storage.archive('mam').purge(alice)],
      ['forget', () => storage.forget(alice)],
      ['settled', () => storage.settled()],
    ]
    for (const [name, call] of late) await t.rejects(call(), { code: 'closed' }, name)
  },

  'errors are StorageErrors with a code': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const error = await storage.commit([table.put(alice, 'secret-key', TOO_LARGE)]).catch((e: unknown) => e)
    t.ok(error instanceof StorageError)
    t.equal((error as StorageError).retryable, false)
    t.notMatch(String(error), 'xxx', 'an error never holds an item')
    t.equal(new StorageError('full', '').retryable, true)
  },

  'there is room for commits when nothing waits': async (t, { storage }) => {
    t.equal(storage.pressure(), undefined)
    const table = storage.table<string>('things', 'lww')
    const commits = Array.from({ length: 40 }, (_, n) =>
      storage.commit([table.put(alice, `k${n}`, 'x'.repeat(1_000_000))]),
    )
    await storage.pressure()
    await Promise.all(commits)
    t.equal(storage.pressure(), undefined)
  },
}
