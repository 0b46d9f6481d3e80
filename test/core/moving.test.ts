/** Homes move while messages are under way: nothing is lost, comes twice or out of order. RFC 6120 §10.1; docs/decisions/0022. */
import t from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { core } from '../support/core.ts'
import { comeAndGo, moveSome, Traffic } from '../support/moving-core.ts'
import { randomNumbers } from '../support/random.ts'

const SEEDS = process.env.SEED === undefined ? [1, 2, 3, 4, 5, 6] : process.env.SEED.split(',').map(Number)
const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
const ROUNDS = 60

for (const seed of SEEDS)
  t.test(`seed ${seed}: three nodes, homes that move at any moment`, async t => {
    const random = randomNumbers(seed)
    const server = core({ nodes: 3, accounts: NAMES, extensions })
    const traffic = new Traffic(server, random)
    for (const [i, name] of NAMES.entries()) {
      const session = await server.session(name, 'r', i % 3)
      await session.send('presence', {})
      traffic.sessions.push(session)
    }
    await server.settled()
    const moves: Promise<void>[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const count = Math.floor(random() * 8)
      for (let i = 0; i < count; i++) traffic.sendOne()
      if (random() < 0.3) moves.push(moveSome(server.network, random))
      const turns = Math.floor(random() * 4)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
    }
    await Promise.all(moves)
    await traffic.settled()
    const { sent, ...tally } = traffic.tally
    t.comment(`${sent} sent, ${moves.length} moves`)
    t.same(tally, { missing: 0, twice: 0, disordered: 0, refused: 0 })
    for (const session of traffic.sessions) {
      const home = server.routers.find(({ homes }) => homes.find(session.jid)?.session('r') !== undefined)
      t.equal(home?.cluster.homeOf(session.jid.bare.toString()), home?.cluster.node)
      t.equal(home?.homes.find(session.jid)?.sessions.length, 1)
    }
  })

for (const seed of SEEDS)
  t.test(`seed ${seed}: nodes that join and leave`, async t => {
    const random = randomNumbers(seed)
    const server = core({ nodes: 3, accounts: NAMES, extensions })
    const traffic = new Traffic(server, random)
    for (const name of NAMES) {
      const session = await server.session(name, 'r', 0)
      await session.send('presence', {})
      traffic.sessions.push(session)
    }
    const some = async (): Promise<void> => {
      for (let i = 0; i < 30; i++) {
        traffic.sendOne()
        if (random() < 0.3) await new Promise(setImmediate)
      }
    }
    await comeAndGo(server, some)
    await traffic.settled()
    const { sent, ...tally } = traffic.tally
    t.comment(`${sent} sent`)
    t.same(tally, { missing: 0, twice: 0, disordered: 0, refused: 0 })
    t.equal(server.routers[0]!.homes.sessions, 0, 'a node that is drained is home to nobody')
  })

for (const seed of SEEDS)
  t.test(`seed ${seed}: a node dies, and the others go on in its place`, async t => {
    const random = randomNumbers(seed)
    const server = core({ nodes: 3, accounts: NAMES, extensions })
    const traffic = new Traffic(server, random)
    for (const [i, name] of NAMES.entries()) {
      // The node that is going to die has no connections, but is home to a third of the sessions.
      const session = await server.session(name, 'r', i % 2)
      await session.send('presence', {})
      traffic.sessions.push(session)
    }
    await server.settled()
    for (let round = 0; round < ROUNDS; round++) {
      const count = Math.floor(random() * 8)
      for (let i = 0; i < count; i++) traffic.sendOne()
      if (round === 30) server.kill(2)
      if (random() < 0.5) await new Promise(setImmediate)
    }
    await traffic.settled()
    const { sent, refused, ...tally } = traffic.tally
    t.comment(`${sent} sent, ${refused} refused`)
    t.same(tally, { missing: 0, twice: 0, disordered: 0 })
    for (const session of traffic.sessions) t.equal(session.closed, undefined)
  })
