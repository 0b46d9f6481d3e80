/** The table of keys in memory against a plain map, with keys that meet in the same places. */
import fc from 'fast-check'
import t from 'tap'
import { KeyTable } from '../../src/storage/sqlite/key-table.ts'

const key = fc.record({
  owner: fc.constantFrom(2, 3, 2 ** 31, 2 ** 32 - 1),
  high: fc.constantFrom(0, 1, -1),
  // Few slots, so that they collide; and some far apart, so that it has to grow.
  low: fc.oneof(fc.constantFrom(0, 1024, -1024, 2048), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
})
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('add' as const), key, id: fc.integer({ min: 1, max: 5000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('remove' as const), key, id: fc.integer({ min: 1, max: 5000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('forget' as const), key, id: fc.integer({ min: 1, max: 500 }) }),
  },
)

t.test('keys are found as in a map', async t => {
  let most = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 2500, maxLength: 4000 }), steps => {
      const table = new KeyTable()
      const plain = new Map<string, { owner: number; id: number }>()
      for (const { do: what, key, id } of steps) {
        const name = Object.values(key).join()
        const known = plain.get(name)
        if (what === 'add') {
          table.add({ ...key, id })
          plain.set(name, { owner: key.owner, id: Math.min(known?.id ?? id, id) })
        } else if (what === 'remove') {
          // Every second one is there.
          const which = id % 2 === 0 ? (known?.id ?? id) : id
          table.remove({ ...key, id: which })
          if (known?.id === which) plain.delete(name)
        } else {
          table.forget(key.owner, id)
          for (const [other, { owner, id: old }] of plain)
            if (owner === key.owner && old <= id) plain.delete(other)
        }
        if (table.find(key.owner, key) !== plain.get(name)?.id) throw new Error(`${name} after ${what}`)
      }
      for (const [name, { id }] of plain) {
        const [owner, high, low] = name.split(',').map(Number) as [number, number, number]
        if (table.find(owner, { high, low }) !== id) throw new Error(`${name} at the end`)
      }
      most = Math.max(most, plain.size)
    }),
    { numRuns: 40 },
  )
  t.ok(most > 1000, `it grew: ${most} keys`)
})
