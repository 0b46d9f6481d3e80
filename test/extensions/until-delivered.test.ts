/** extensions.archive.keep: until-delivered (docs/decisions/0016): who still gets what, and what is left. */
import fc from 'fast-check'
import t from 'tap'
import { memoryStorage } from '../../src/storage/memory.ts'
import { xml } from '../../src/xml/element.ts'
import { ManualClock } from '../support/clock.ts'
import { BOB, Client, serverOf } from '../support/until-delivered.ts'

const [MINUTE, DAY] = [60_000, 86_400_000]

/** What may happen; `who` is one of bob's devices. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('alice writes' as const), full: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bob writes' as const), who: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sign in' as const), who: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('acknowledge' as const), who: fc.nat(2), count: fc.nat(4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      who: fc.nat(2),
      arrived: fc.option(fc.nat(4), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), arrived: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(MINUTE, DAY / 4) }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** One run: nobody lacks what he has a right to, and in the end nothing is left. */
async function play(nodes: number, steps: readonly Step[]): Promise<void> {
  let clock = new ManualClock()
  const storage = memoryStorage({ clock: { now: () => clock.now() } })
  let server = serverOf({ nodes, storage, clock })
  let alice = await server.session('alice', '1')
  const kinds = [true, true, false]
  const clients = kinds.map((asks, i) => new Client(server, `device${i}`, asks))
  const due = clients.map(() => new Set<string>())
  const known = new Set<number>()
  let count = 0
  const written = (text: string, byBob: boolean): string => {
    for (const i of known) if (!byBob || kinds[i]) due[i]!.add(text)
    // Whoever comes first has a right to all there is.
    if (known.size === 0) for (const one of due) one.add(text)
    return text
  }
  const signIn = async (i: number): Promise<void> => {
    if (known.size > 0 && !known.has(i)) due[i]!.clear()
    if (known.size === 0) for (const [j, one] of due.entries()) if (j !== i) one.clear()
    known.add(i)
    await clients[i]!.signIn(i)
  }
  for (const one of steps) {
    if (one.do === 'alice writes') {
      const here = clients.findIndex(({ here }) => here)
      const to = one.full && here >= 0 ? `bob@localhost/device${here}` : 'bob@localhost'
      const body = xml('body', {}, written(`text ${count++}`, false))
      await alice.send('message', { to, type: 'chat' }, body)
      await server.settled()
    } else if (one.do === 'wait') await server.pass(one.ms)
    else if (one.do === 'crash') {
      // The clock of the process that has died stands still.
      clock = new ManualClock(clock.now())
      server = serverOf({ nodes, storage, clock })
      alice = await server.session('alice', '1')
      for (const client of clients) client.survive(server, one.arrived)
    } else {
      const client = clients[one.who]!
      if (one.do === 'sign in' && !client.here) await signIn(one.who)
      else if (!client.here) continue
      else if (one.do === 'bob writes') await client.write(written(`text ${count++}`, true))
      else if (one.do === 'acknowledge') client.acknowledge(one.count)
      else if (one.do === 'leave') await client.leave(one.arrived)
    }
  }
  for (const [i, client] of clients.entries()) {
    if (!known.has(i)) continue
    if (client.here) await client.leave(0)
    await signIn(i)
    await client.leave()
    const missing = [...due[i]!].filter(text => !client.texts.has(text))
    if (missing.length > 0) throw new Error(`device${i} has not got ${missing}`)
  }
  // A device that knows archives says what it has got of old when it comes again.
  for (const i of known) {
    await signIn(i)
    await clients[i]!.leave()
  }
  await server.pass(MINUTE)
  const left = await server.archived(BOB)
  if (known.size > 0 && left.length > 0) throw new Error(`there still is ${left}`)
}

for (const nodes of [1, 2])
  t.test(`whatever happens, on ${nodes}`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), steps => play(nodes, steps)),
      { numRuns: Number(process.env.RUNS ?? 60) },
    )
    t.pass()
  })
