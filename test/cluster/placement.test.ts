import t from 'tap'
import { Lease } from '../../src/cluster/redis/lease.ts'
import { Members } from '../../src/cluster/redis/members.ts'
import { OwnSlots } from '../../src/cluster/redis/own-slots.ts'
import { Placement } from '../../src/cluster/redis/placement.ts'
import { entryOf, SlotTable, UNKNOWN } from '../../src/cluster/redis/slot-table.ts'
import type { Transfers } from '../../src/cluster/redis/transfers.ts'
import { SLOTS } from '../../src/cluster/slots.ts'

const LEASE = 8_000
const [OWN, OTHER, THIRD] = ['own.....', 'other...', 'third...'] as const

t.test('on a table of yesterday nothing is handed over, until all have said what they have', async t => {
  let now = 0
  const clock = { monotonic: () => now, after: () => ({ cancel() {} }) }
  const lease = new Lease(clock, LEASE)
  lease.renew(0)
  const members = new Members(OWN, LEASE)
  const record = { beat: 1, address: '127.0.0.1:1', draining: false, unreachable: [] }
  const all = new Map([OWN, OTHER, THIRD].map(name => [name, { record, text: '' }]))
  const sight = { run: 'run', settledRun: 'run', version: '1', buried: false, members: all, table: undefined }
  members.take(sight, 0, true)
  const slots = new OwnSlots(OWN, lease, members)
  // Each has a third; yesterday there were two, and the one slot that does not come out even was another's.
  const share = Math.floor(SLOTS / 3)
  const own = Array.from({ length: share + 1 }, (_, slot) => slot)
  slots.set(own, 'home')
  const handed: number[] = []
  const transfers = {
    insist() {},
    claim() {},
    handOver: (some: readonly number[]) => handed.push(...some),
  } as unknown as Transfers
  const placement = new Placement({
    slots,
    members,
    transfers,
    clock,
    lease: LEASE,
    unreachable: new Set(),
  })
  const yesterday = Array.from({ length: SLOTS }, (_, slot) =>
    entryOf(slot < SLOTS / 2 ? OWN : OTHER, 'ready'),
  )
  slots.table = new SlotTable(yesterday.join(''))
  slots.refresh()
  placement.newRun(false)
  placement.review(true)
  t.strictSame(handed, [])
  now = LEASE
  lease.renew(now)
  const today = yesterday.map((_, slot) =>
    entryOf(slot <= share ? OWN : slot <= 2 * share ? OTHER : THIRD, 'ready'),
  )
  slots.table = new SlotTable(today.join(''))
  slots.refresh()
  placement.review(true)
  t.strictSame(handed, [])
  // One who leaves is looked after as ever.
  slots.table = new SlotTable(UNKNOWN.repeat(SLOTS))
  const leaving = new Map(all).set(OWN, { record: { ...record, beat: 2, draining: true }, text: '' })
  members.take({ ...sight, members: leaving }, now, true)
  placement.review(true)
  t.equal(handed.length, own.length)
})
