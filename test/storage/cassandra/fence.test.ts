import t from 'tap'
import { slotOf } from '../../../src/cluster/slots.ts'
import { ALL_SLOTS, cassandraKeyspace, withoutCassandra } from '../../support/cassandra.ts'
import { fenceContract } from '../contract-fence.ts'

const skip = withoutCassandra()

if (skip !== undefined) t.plan(0, skip)
else {
  t.setTimeout(300_000)
  const keyspace = await cassandraKeyspace(t)
  fenceContract(t, {
    slots: ALL_SLOTS,
    slotOf,
    empty: keyspace.empty,
    open: clock => keyspace.openWithoutSlots(clock),
  })
}
