import fc from 'fast-check'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')

/** Lines about marks. */
export const markContract: Lines = {
  'a mark only moves forward, and keeps the time when it came there': async (t, { storage }) => {
    const read = storage.table('read', 'mark')
    const steps: [value: bigint, time: number][] = [
      [5n, 10],
      [4n, 20],
      [5n, 30],
      [9n, 40],
      [8n, 50],
      [10n, 60],
    ]
    const seen: string[] = []
    for (const [value, time] of steps) {
      await storage.commit([read.raise(alice, 'bob', { value, time })])
      const mark = await read.get(alice, 'bob')
      seen.push(`${mark?.value} at ${mark?.time}`)
    }
    t.strictSame(seen, ['5 at 10', '5 at 10', '5 at 10', '9 at 40', '9 at 40', '10 at 60'])
    t.equal(await read.get(bob, 'bob'), undefined)
    t.strictSame((await read.page(alice)).items, [{ key: 'bob', item: { value: 10n, time: 60 } }])
    t.strictSame((await read.owners()).map(String), ['alice@example.org'])
    await storage.commit([read.delete(alice, 'bob')])
    t.equal(await read.get(alice, 'bob'), undefined)
  },

  'in one commit, and in many at once, the furthest stays': async (t, { storage }) => {
    const read = storage.table('read', 'mark')
    const big = 2n ** 63n - 1n
    await storage.commit([3n, 7n, 5n].map(value => read.raise(alice, 'a', { value, time: 1 })))
    t.equal((await read.get(alice, 'a'))?.value, 7n)
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.bigInt({ min: 0n, max: big }), { minLength: 1 }), async values => {
        await storage.forget(bob)
        await Promise.all(
          values.map((value, time) => storage.commit([read.raise(bob, 'k', { value, time })])),
        )
        const furthest = values.toSorted((a, b) => (a < b ? -1 : 1)).at(-1)!
        const mark = await read.get(bob, 'k')
        if (mark?.value !== furthest || mark.time !== values.indexOf(furthest))
          throw new Error(`${mark?.value}`)
      }),
      { numRuns: 30 },
    )
  },

  'what is no mark is refused': async (t, { storage }) => {
    const read = storage.table('read', 'mark')
    for (const mark of [
      { value: -1n, time: 0 },
      { value: 2n ** 63n, time: 0 },
      { value: 0n, time: 0.5 },
    ])
      await t.rejects(storage.commit([read.raise(alice, 'k', mark)]), { code: 'invalid' })
    t.throws(() => storage.table('read', 'lww'), { code: 'invalid' })
  },
}
