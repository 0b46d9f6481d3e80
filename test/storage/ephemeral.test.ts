import t from 'tap'
import { memoryEphemeral } from '../../src/storage/ephemeral.ts'
import { ephemeralContract } from './contract-ephemeral.ts'

function setUp() {
  const clock = { time: 1_000_000, now: () => clock.time }
  const age = async (ms: number): Promise<void> => {
    clock.time += ms
  }
  return { clock, ephemeral: memoryEphemeral(clock), age }
}

ephemeralContract(t, 'in memory', async () => setUp())

t.test('what has ended is dropped, what lives is kept, among very many', async t => {
  const { clock, ephemeral } = setUp()
  await ephemeral.set(new Map([['lasting', 'v']]), 1e9)
  await ephemeral.take('lasting', 1, 1e9)
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 3000; n++) {
      await ephemeral.set(new Map([[`${round}-${n}`, 'v']]), 10)
      await ephemeral.take(`${round}-${n}`, 5, 10)
    }
    clock.time += 1000
  }
  t.equal(await ephemeral.get('lasting'), 'v')
  t.equal(await ephemeral.take('lasting', 1, 1e9), false)
})
