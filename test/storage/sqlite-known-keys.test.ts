/** How long the keys of archived items are known. */
import t from 'tap'
import { firstIdAt } from '../../src/storage/archive-ids.ts'
import { openForWriting } from '../../src/storage/sqlite/database.ts'
import { Keys } from '../../src/storage/sqlite/keys.ts'

const DAY = 86_400_000
const key = { high: 1, low: 2 }

t.test('two turns that were long under way do not forget the key of a moment ago', t => {
  const db = openForWriting(t.testdir(), 'full')
  t.teardown(() => db.close())
  const keys = new Keys(db)
  let now = Date.UTC(2030, 0, 15)
  const moment = () => ({ now, last: firstIdAt(now) })
  // Work in the background begins when it is its turn: both are from before the key.
  const first = keys.turn(moment)
  now += DAY
  const second = keys.turn(moment)
  const entry = { owner: 1, id: firstIdAt(now), key }
  keys.add(entry as Parameters<Keys['add']>[0])
  for (const steps of [first, second]) for (const _ of steps);
  t.equal(keys.find(1, key, now), entry.id)
  now += DAY - 1
  for (const _ of keys.turn(moment));
  t.equal(keys.find(1, key, now), entry.id, 'a day later it may be forgotten, not before')
  t.end()
})
