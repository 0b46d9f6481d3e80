import t from 'tap'
import { LocalNetwork } from '../../src/cluster/local.ts'
import { SLOTS } from '../../src/cluster/slots.ts'
import type { HomeEvents } from '../../src/cluster/types.ts'
import { type NodeReport, survey } from '../../src/core/survey.ts'
import { ManualClock } from '../support/clock.ts'

const HOMES: HomeEvents = { leaving: async () => Buffer.alloc(0), arriving: async () => {}, lost() {} }

const report = (sessions: number): NodeReport => ({
  version: '1.2.3',
  uptime: 60,
  connections: sessions + 1,
  sessions,
})

t.test('each node says how it is; one that does not answer is shown all the same', async t => {
  const clock = new ManualClock()
  const network = new LocalNetwork()
  const [one, two, three] = ['one', 'two', 'three'].map(node => network.join(node))
  one!.serve(() => ({}), HOMES)
  two!.serve(frame => (frame.op === 'report' ? { ...report(7) } : {}), HOMES)
  three!.serve(() => new Promise(() => {}), HOMES)
  const surveyed = survey(one!, report(3), clock)
  // Everything that answers has answered.
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  clock.advance(5_000)
  const { nodes, homeless } = await surveyed
  t.equal(homeless, 0)
  t.equal(
    nodes.reduce((sum, { slots }) => sum + slots, 0),
    SLOTS,
  )
  const shown = nodes.map(({ node, own, report }) => ({ node, own, report }))
  t.strictSame(shown, [
    { node: 'one', own: true, report: report(3) },
    { node: 'two', own: false, report: report(7) },
    { node: 'three', own: false, report: undefined },
  ])
})
