/** What becomes of compare-and-set that Cassandra does not answer in time, as when it has just started. */
import t from 'tap'
import type { Connection } from '../../../src/storage/cassandra/connection.ts'
import { Kinds } from '../../../src/storage/cassandra/kinds.ts'
import type { Owners } from '../../../src/storage/cassandra/owners.ts'
import type { Slots } from '../../../src/storage/cassandra/slots.ts'
import { Tables } from '../../../src/storage/cassandra/tables.ts'
import { StorageError } from '../../../src/storage/types.ts'

const OWNER = 'alice@localhost'

t.test('a table stays what it is when it could not be written down, and it is tried again', async t => {
  let inTime = false
  const kinds = new Kinds({
    compareAndSet: async () => (inTime ? true : undefined),
    serially: async () => {
      throw new StorageError('unavailable', 'of a test')
    },
  } as unknown as Connection)
  kinds.define('accounts', 'cas')
  await t.rejects(kinds.ready('accounts')!, { code: 'unavailable' })
  t.equal(kinds.kindOf('accounts'), 'cas', 'else accounts would be looked for where there are none')
  await t.rejects(kinds.ready('accounts')!, { code: 'unavailable' }, 'tried again')
  inTime = true
  await kinds.ready('accounts')
  t.equal(kinds.ready('accounts'), undefined, 'written down')
  t.equal(kinds.kindOf('accounts'), 'cas')
})

t.test('a second attempt that fails since the first was stored after all has not failed', async t => {
  let nonce: string | undefined
  let attempts = 0
  const connection = {
    compareAndSet: async ([{ params }]: [{ params: readonly unknown[] }]) => {
      attempts++
      // The first one is undecided when it is looked for, and is stored before the second.
      if (attempts === 1) return undefined
      nonce = String(params[1])
      return false
    },
    serially: async () => (attempts === 1 ? [] : [{ json: '"new"', nonce }]),
  } as unknown as Connection
  const tables = new Tables({
    connection,
    kinds: { ready: () => undefined, kindOf: () => 'cas' } as unknown as Kinds,
    owners: { addForeign: async () => {} } as unknown as Owners,
    slots: { currentTerm: () => undefined } as unknown as Slots,
    clock: { now: () => 0 },
  })
  t.equal(await tables.swap('table', OWNER, 'key', undefined, '"new"'), true)
  t.equal(attempts, 2)
})
