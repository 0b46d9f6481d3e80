/** What administrators set, as nodes know it (XEP-0133 §4.11, §4.24). */
import t from 'tap'
import { SharedValue } from '../../src/extensions/administration/shared-value.ts'
import { ManualClock } from '../support/clock.ts'

t.test('it is read once, and again after a minute or a change', async t => {
  const clock = new ManualClock()
  let stored = 1
  let reads = 0
  const value = new SharedValue(async () => {
    reads++
    return stored
  }, clock)
  t.equal(await value.get(), 1)
  stored = 2
  t.equal(value.get(), 1, 'at once')
  clock.advance(60_000)
  t.equal(value.get(), 1, 'until it is read')
  await new Promise(setImmediate)
  t.equal(value.get(), 2)
  stored = 3
  value.changed()
  t.equal(await value.get(), 3)
  t.equal(reads, 3)
})

t.test('what was read before a change is not taken for what is there', async t => {
  const first = Promise.withResolvers<number>()
  const answers = [first.promise, Promise.resolve(2)]
  const value = new SharedValue(() => answers.shift()!, new ManualClock())
  const early = value.get()
  value.changed()
  t.equal(await value.get(), 2)
  first.resolve(1)
  t.equal(await early, 2)
  t.equal(value.get(), 2)
})

t.test(
  'where it cannot be read, what is known holds; where nothing is known, it fails and is asked again',
  async t => {
    const clock = new ManualClock()
    let fails = true
    const value = new SharedValue(async () => {
      if (fails) throw new Error('no storage')
      return 1
    }, clock)
    await t.rejects(Promise.resolve(value.get()), /no storage/)
    fails = false
    t.equal(await value.get(), 1)
    fails = true
    clock.advance(60_000)
    t.equal(value.get(), 1)
    await new Promise(setImmediate)
    t.equal(value.get(), 1)
  },
)
