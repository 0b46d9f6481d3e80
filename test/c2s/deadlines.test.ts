import t from 'tap'
import { Deadlines } from '../../src/c2s/deadlines.ts'
import { ManualClock } from '../support/clock.ts'

t.test('each item expires when its own time is up, in order', async t => {
  const clock = new ManualClock()
  const expired: string[] = []
  const deadlines = new Deadlines<string>(clock, 100, item => expired.push(item))
  deadlines.add('one')
  clock.advance(40)
  deadlines.add('two')
  clock.advance(59)
  t.same(expired, [])
  clock.advance(1)
  t.same(expired, ['one'])
  clock.advance(39)
  t.same(expired, ['one'])
  clock.advance(1)
  t.same(expired, ['one', 'two'])
  t.equal(deadlines.size, 0)
})

t.test('an item that is forgotten does not expire, one that is added again starts anew', async t => {
  const clock = new ManualClock()
  const expired: string[] = []
  const deadlines = new Deadlines<string>(clock, 100, item => expired.push(item))
  deadlines.add('forgotten')
  deadlines.add('again')
  deadlines.delete('forgotten')
  clock.advance(60)
  deadlines.add('again')
  clock.advance(60)
  t.same(expired, [])
  clock.advance(40)
  t.same(expired, ['again'])
  deadlines.add('later')
  clock.advance(100)
  t.same(expired, ['again', 'later'])
})

t.test('what expires may add others, and be added itself', async t => {
  const clock = new ManualClock()
  let rounds = 0
  const deadlines: Deadlines<string> = new Deadlines<string>(clock, 10, item => {
    if (++rounds < 3) deadlines.add(item)
  })
  deadlines.add('x')
  for (let i = 0; i < 5; i++) clock.advance(10)
  t.equal(rounds, 3)
})

t.test('without a limit nothing is kept', async t => {
  const deadlines = new Deadlines<string>(new ManualClock(), Number.POSITIVE_INFINITY, () =>
    t.fail('expired'),
  )
  deadlines.add('x')
  t.equal(deadlines.size, 0)
})
