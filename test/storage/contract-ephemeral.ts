import type { Test } from 'tap'
import type { Ephemeral } from '../../src/storage/types.ts'

/** Short-lived values to be tested. */
export interface EphemeralUnderTest {
  readonly ephemeral: Ephemeral
  /** What buckets take the time from. */
  readonly clock: { time: number }
  /** Lets values grow older by so much. */
  age(ms: number): Promise<void>
}

/** What short-lived values must do, wherever they are kept. Called once per implementation. */
export function ephemeralContract(
  t: Test,
  name: string,
  setUp: (t: Test) => Promise<EphemeralUnderTest>,
): void {
  t.test(`${name}: a bucket gives its tokens, then one at a time as they come back`, async t => {
    const { clock, ephemeral } = await setUp(t)
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

  t.test(`${name}: those who take at the same time get no token twice`, async t => {
    const { ephemeral } = await setUp(t)
    const given = await Promise.all(Array.from({ length: 50 }, () => ephemeral.take('k {x} é', 20, 60_000)))
    t.equal(given.filter(one => one).length, 20)
  })

  t.test(`${name}: a clock that is set back gives no tokens and takes none`, async t => {
    const { clock, ephemeral } = await setUp(t)
    for (let n = 0; n < 2; n++) await ephemeral.take('k', 2, 1000)
    clock.time -= 600_000
    t.equal(await ephemeral.take('k', 2, 1000), false)
    clock.time += 500
    t.equal(await ephemeral.take('k', 2, 1000), true)
  })

  t.test(`${name}: values live as long as they were given`, async t => {
    const { ephemeral, age } = await setUp(t)
    await ephemeral.set(new Map([['k', 'v']]), 200)
    await ephemeral.set(new Map([['lasting {', 'ü\0']]), 60_000)
    t.equal(await ephemeral.get('k'), 'v')
    await ephemeral.set(new Map([['k', 'w']]), 60_000)
    await age(200)
    t.equal(await ephemeral.get('k'), 'w', 'what was written last counts')
    await ephemeral.set(new Map([['k', 'x']]), 200)
    await age(200)
    t.equal(await ephemeral.get('k'), undefined)
    t.equal(await ephemeral.get('lasting {'), 'ü\0')
    t.equal(await ephemeral.get('never'), undefined)
  })

  t.test(`${name}: many values at once`, async t => {
    const { ephemeral } = await setUp(t)
    const values = new Map(Array.from({ length: 1_234 }, (_, n) => [`many ${n}`, `value ${n}`]))
    await ephemeral.set(values, 60_000)
    for (const n of [0, 499, 500, 777, 1_233]) t.equal(await ephemeral.get(`many ${n}`), `value ${n}`)
    await ephemeral.set(new Map(), 60_000)
    t.equal(await ephemeral.get('many 1234'), undefined)
  })
}
