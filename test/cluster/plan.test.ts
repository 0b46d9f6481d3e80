import fc from 'fast-check'
import t from 'tap'
import { planSlots } from '../../src/cluster/plan.ts'
import { SLOTS } from '../../src/cluster/slots.ts'

const nodes = fc.uniqueArray(
  fc.integer({ min: 0, max: 9 }).map(n => `node${n}`),
  { minLength: 1 },
)

t.test('each node gets as many, with no more moves than that takes, whatever the nodes had', async t => {
  const held = fc.array(fc.option(fc.integer({ min: 0, max: 9 }).map(n => `node${n}`)), {
    minLength: SLOTS,
    maxLength: SLOTS,
  })
  fc.assert(
    fc.property(held, nodes, (before, alive) => {
      const holder = (slot: number) => (alive.includes(before[slot] ?? '') ? before[slot]! : undefined)
      const plan = planSlots(holder, alive)
      const counts = alive.map(node => plan.filter(one => one === node).length)
      t.equal(
        counts.reduce((sum, n) => sum + n),
        SLOTS,
      )
      t.ok(Math.max(...counts) - Math.min(...counts) <= 1)
      const least = Math.floor(SLOTS / alive.length)
      const over = alive.map(node => Math.max(0, before.filter(one => one === node).length - least - 1))
      const moved = plan.filter((node, slot) => holder(slot) !== undefined && holder(slot) !== node).length
      return moved <= over.reduce((sum, n) => sum + n) + alive.length
    }),
    { numRuns: 30 },
  )
})

t.test('a plan that is carried out, in whatever part, leads to itself', async t => {
  let plan = planSlots(() => undefined, ['a', 'b'])
  const part = planSlots(slot => plan[slot], ['a', 'b', 'c'])
  plan = plan.map((node, slot) => (slot % 3 === 0 ? part[slot] : node))
  const rest = planSlots(slot => plan[slot], ['a', 'b', 'c'])
  t.strictSame(
    planSlots(slot => rest[slot], ['c', 'a', 'b']),
    rest,
  )
  t.equal(
    rest.filter((node, slot) => node !== plan[slot]).length,
    part.filter((node, slot) => node !== plan[slot]).length,
  )
  t.strictSame(
    planSlots(() => 'a', []).filter(node => node !== undefined),
    [],
  )
})
