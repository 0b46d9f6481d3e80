import t from 'tap'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'

function setUp() {
  const clock = { time: 1_000_000, now: () => clock.time }
  return { clock, ephemeral: memoryEphemeral(clock) }
}

t.test('a bucket gives its tokens, then one at a time as they come back', async t => {
  const { clock, ephemeral } = setUp()
  const take = () => ephemeral.take('alice', 5, 1000)
  for (let n = 0; n < 5; n++) t.equal(await take(), true)
  t.equal(await take(), false)
  clock.time += 199
  t.equal(await take(), false)
  clock.time += 1
  t.equal(await take(), true)
  t.equal(await take(), false, 'refusals cost nothing and give nothing')
  clock.time += 10_000
  for (let n = 0; n < 5; n++) t.equal(await take(), true)
  t.equal(await take(), false, 'never more than its size')
  t.equal(await ephemeral.take('bob', 5, 1000), true, 'each key has its own')
})

t.test('a clock that is set back gives no tokens and takes none', async t => {
  const { clock, ephemeral } = setUp()
  for (let n = 0; n < 2; n++) await ephemeral.take('k', 2, 1000)
  clock.time -= 600_000
  t.equal(await ephemeral.take('k', 2, 1000), false)
  clock.time += 500
  t.equal(await ephemeral.take('k', 2, 1000), true)
})

t.test('values live as long as they were given', async t => {
  const { clock, ephemeral } = setUp()
  await ephemeral.set('k', 'v', 1000)
  clock.time += 999
  t.equal(await ephemeral.get('k'), 'v')
  await ephemeral.set('k', 'w', 1000)
  clock.time += 999
  t.equal(await ephemeral.get('k'), 'w')
  clock.time += 1
  t.equal(await ephemeral.get('k'), undefined)
  t.equal(await ephemeral.get('never'), undefined)
})

t.test('what has ended is dropped, what lives is kept, among very many', async t => {
  const { clock, ephemeral } = setUp()
  await ephemeral.set('lasting', 'v', 1e9)
  await ephemeral.take('lasting', 1, 1e9)
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 3000; n++) {
      await ephemeral.set(`${round}-${n}`, 'v', 10)
      await ephemeral.take(`${round}-${n}`, 5, 10)
    }
    clock.time += 1000
  }
  t.equal(await ephemeral.get('lasting'), 'v')
  t.equal(await ephemeral.take('lasting', 1, 1e9), false)
})
