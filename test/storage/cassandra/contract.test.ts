import t from 'tap'
import { cassandraKeyspace, withoutCassandra } from '../../support/cassandra.ts'
import { storageContract } from '../contract.ts'
import { restoreContract } from '../contract-restore.ts'

const skip = withoutCassandra()

if (skip !== undefined) t.plan(0, skip)
else {
  t.setTimeout(300_000)
  const keyspace = await cassandraKeyspace(t)
  const later = 'cassandra takes no items of another storage yet'
  storageContract(t, {
    skip: Object.fromEntries(Object.keys(restoreContract).map(line => [line, later])),
    open: async clock => {
      await keyspace.empty()
      const storage = await keyspace.open(clock)
      return {
        storage,
        reopen: async () => {
          await storage.close()
          return keyspace.open(clock)
        },
      }
    },
  })
}
