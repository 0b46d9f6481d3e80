/** ARCHITECTURE §9: owners are put into slots. */
import t from 'tap'
import { SLOTS, slotOf } from '../../src/cluster/slots.ts'

t.test('owners spread evenly over the slots, of which all are used', async t => {
  const counts = new Uint32Array(SLOTS)
  const each = 50
  for (let i = 0; i < SLOTS * each; i++) counts[slotOf(`user${i}@chat.example`)]!++
  t.ok(counts.every(count => count > 0))
  t.ok(Math.max(...counts) < 3 * each, `${Math.max(...counts)} in the fullest`)
})

t.test('a slot is the same in every process', async t => {
  t.equal(slotOf('alice@localhost'), 218)
  t.equal(slotOf(''), 0x811c9dc5 % SLOTS)
})
