/** Homes move while users do all that users do: nothing is lost, comes twice or out of order. RFC 6120 §10.1; docs/decisions/0022. */
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { core } from '../support/core.ts'
import { MixedTraffic } from '../support/mixed-traffic.ts'
import { comeAndGo, moveSome } from '../support/moving-core.ts'
import { randomNumbers } from '../support/random.ts'

const SEEDS = process.env.SEED === undefined ? [1, 2, 3, 4] : process.env.SEED.split(',').map(Number)
const USERS = ['alice', 'bob', 'carol', 'dave']
const ROUNDS = 60

for (const seed of SEEDS)
  t.test(`seed ${seed}: messages, receipts, copies, requests, presence and rosters`, async t => {
    const random = randomNumbers(seed)
    const server = core({ nodes: 3, accounts: USERS, extensions })
    const traffic = new MixedTraffic(server, random)
    await traffic.start(USERS, n => n % 3)
    const moves: Promise<void>[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const count = Math.floor(random() * 6)
      for (let i = 0; i < count; i++) traffic.act()
      traffic.react()
      if (random() < 0.3) moves.push(moveSome(server.network, random))
      const turns = Math.floor(random() * 4)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
    }
    await Promise.all(moves)
    await traffic.settled()
    t.comment(`${traffic.count} acts, ${moves.length} moves`)
    t.strictSame(traffic.faults(), [])
  })

for (const seed of SEEDS)
  t.test(`seed ${seed}: the same while nodes come, go and are drained`, async t => {
    const random = randomNumbers(seed)
    const server = core({ nodes: 3, accounts: USERS, extensions })
    const traffic = new MixedTraffic(server, random)
    // The node that leaves has no connections.
    await traffic.start(USERS, n => 2 * (n % 2))
    const some = async (): Promise<void> => {
      for (let i = 0; i < 30; i++) {
        traffic.act()
        traffic.react()
        if (random() < 0.3) await new Promise(setImmediate)
      }
    }
    await comeAndGo(server, some)
    await traffic.settled()
    t.comment(`${traffic.count} acts`)
    t.strictSame(traffic.faults(), [])
  })
