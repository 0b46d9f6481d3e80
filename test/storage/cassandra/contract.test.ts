import t from 'tap'
import { cassandraKeyspace, withoutCassandra } from '../../support/cassandra.ts'
import { storageContract } from '../contract.ts'

const skip = withoutCassandra()

if (skip !== undefined) t.plan(0, skip)
else {
  t.setTimeout(300_000)
  const keyspace = await cassandraKeyspace(t)
  storageContract(t, {
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
