/** Making the tables, opening them, and what becomes of commits while Cassandra does not answer. */
import t, { type Test } from 'tap'
import { SLOTS, slotOf } from '../../../src/cluster/slots.ts'
import { migrateCassandra } from '../../../src/storage/cassandra/migrate.ts'
import { openCassandra } from '../../../src/storage/cassandra/open.ts'
import { SCHEMA_VERSION } from '../../../src/storage/cassandra/schema.ts'
import type { Append, Storage, StorageError } from '../../../src/storage/types.ts'
import { JID } from '../../../src/xml/jid.ts'
import { cassandraKeyspace, type Keyspace, withoutCassandra } from '../../support/cassandra.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const clock = { now: () => Date.now() }
const slots = { SLOTS, slotOf }

const skip = withoutCassandra()
if (skip !== undefined) t.plan(0, skip)
else {
  t.setTimeout(300_000)
  const keyspace = await cassandraKeyspace(t)
  t.test('two migrations at once make one schema', t => twoMigrations(t, keyspace))
  t.test('a schema that does not fit is refused', t => misfits(t, keyspace))
  t.test('who is alone keeps others out, and is followed', t => alone(t, keyspace))
  t.test('while Cassandra is frozen commits are refused, and not seen afterwards', t => frozen(t, keyspace))
  t.test('who opens it waits for Cassandra, so long and no longer', t => waited(t, keyspace))
  t.test('a message of two owners is two writes', t => writes(t, keyspace))
  t.test('buckets are split when they are full', t => fullBuckets(t, keyspace))
}

async function twoMigrations(t: Test, { options }: Keyspace): Promise<void> {
  const fresh = { ...options, keyspace: 'fresh' }
  await t.rejects(openCassandra({ cassandra: fresh, slots, clock }), { code: 'older-schema' }, 'no keyspace')
  const done = await Promise.all([1, 2, 3].map(() => migrateCassandra(fresh, 1)))
  t.same(
    done.map(({ to }) => to),
    [SCHEMA_VERSION, SCHEMA_VERSION, SCHEMA_VERSION],
  )
  t.same(done.map(({ from }) => from).sort(), [0, SCHEMA_VERSION, SCHEMA_VERSION], 'one of them did it')
  t.same(await migrateCassandra(fresh, 1), { from: SCHEMA_VERSION, to: SCHEMA_VERSION })
  const storage = await openCassandra({ cassandra: fresh, slots, clock })
  await storage.close()
  await t.rejects(migrateCassandra({ ...options, keyspace: 'no;name' }, 1), { code: 'invalid' })
}

async function misfits(t: Test, { options, query }: Keyspace): Promise<void> {
  const set = (version: number) =>
    query(`UPDATE meta SET value = '${version}' WHERE name = 'schema' IF EXISTS`)
  await set(SCHEMA_VERSION + 1)
  await t.rejects(openCassandra({ cassandra: options, slots, clock }), { code: 'newer-schema' })
  await t.rejects(migrateCassandra(options, 1), { code: 'newer-schema' })
  await set(SCHEMA_VERSION - 1)
  await t.rejects(openCassandra({ cassandra: options, slots, clock }), { code: 'older-schema' })
  await set(SCHEMA_VERSION)
  const nobody = { ...options, contactPoints: ['127.0.0.1:1'] }
  await t.rejects(openCassandra({ cassandra: nobody, slots, clock }), { code: 'unavailable' })
}

async function alone(t: Test, { options }: Keyspace): Promise<void> {
  const open = () => openCassandra({ cassandra: options, slots, clock, alone: true })
  const first = await open()
  const table = first.table<number>('things', 'lww')
  await first.commit([table.put(alice, 'k', 1)])
  await t.rejects(open(), { code: 'in-use' })
  await first.commit([table.put(alice, 'k', 2)])
  await first.close()
  const next = await open()
  t.equal(await next.table<number>('things', 'lww').get(alice, 'k'), 2)
  await next.close()
}

async function frozen(t: Test, keyspace: Keyspace): Promise<void> {
  await keyspace.empty()
  const storage = await keyspace.open(clock, { writeTimeout: 400, patience: 1_000 })
  const stored = [await send(storage, 'one')]
  keyspace.cassandra.signal('SIGSTOP')
  const refused = await Promise.allSettled(['secret two', 'secret three'].map(text => send(storage, text)))
  for (const one of refused) {
    const reason = one.status === 'rejected' ? (one.reason as StorageError) : undefined
    t.match(reason, { code: 'unavailable', retryable: true })
    t.notMatch(JSON.stringify([reason?.message, reason?.stack, reason?.cause]), 'secret')
  }
  keyspace.cassandra.signal('SIGCONT')
  // What was sent to it while it slept is carried out now.
  for (let left = 100; left > 0; left--) {
    const next = await send(storage, 'four').catch(() => undefined)
    if (next === undefined) continue
    stored.push(next)
    break
  }
  t.same(
    stored.map(({ sequence }) => sequence),
    [1, 2],
    'numbers have no gap',
  )
  t.same(await texts(storage), ['one', 'four'])
  await storage.close()
  const again = await keyspace.open(clock)
  t.same(await texts(again), ['one', 'four'], 'to whoever reads it anew')
  t.equal((await send(again, 'five')).sequence, 3)
  await again.close()
}

async function waited(t: Test, { cassandra, options }: Keyspace): Promise<void> {
  const nobody = { ...options, contactPoints: ['127.0.0.1:1'] }
  await t.rejects(openCassandra({ cassandra: nobody, slots, clock, wait: 1_000 }), {
    code: 'unavailable',
    message:
      'Cassandra: no node can be asked, for 1 s: does it run, and can 127.0.0.1:1 be reached from here?',
  })
  cassandra.signal('SIGSTOP')
  const told: string[] = []
  const waits = ({ message }: StorageError): void => {
    told.push(message)
    cassandra.signal('SIGCONT')
  }
  const storage = await openCassandra({
    cassandra: options,
    slots,
    clock,
    wait: 60_000,
    waits,
    alone: true,
  })
  t.same(told, ['Cassandra: no node can be asked'])
  await send(storage, 'hello')
  await storage.close()
}

async function writes(t: Test, keyspace: Keyspace): Promise<void> {
  await keyspace.empty()
  const storage = await keyspace.open(clock)
  const archive = storage.archive('mam')
  const talk = () => {
    const payload = Buffer.from('hello')
    const unique = { key: String(performance.now()) }
    return storage.commit([
      archive.append(alice, { peer: bob, payload, unique }),
      archive.append(bob, { peer: alice, payload, unread: true, unique }),
    ])
  }
  await talk()
  const before = await writeCount(keyspace)
  for (let n = 0; n < 100; n++) await talk()
  t.equal((await writeCount(keyspace)) - before, 200)
  await storage.close()
}

/** Mutations that the tables of the keyspace have taken so far. */
async function writeCount({ query }: Keyspace): Promise<number> {
  const rows = await query(
    "SELECT count FROM system_views.local_write_latency WHERE keyspace_name = 'tidings' ALLOW FILTERING",
  )
  return rows.reduce((sum, row) => sum + Number(row.count), 0)
}

async function fullBuckets(t: Test, keyspace: Keyspace): Promise<void> {
  await keyspace.empty()
  const storage = await keyspace.open(clock)
  const archive = storage.archive('mam')
  // Each its own bytes: the same ones twice for an owner are one item.
  const item = () => archive.append(alice, { peer: bob, payload: Buffer.from('x') })
  for (let n = 0; n < 20; n++) await storage.commit(Array.from({ length: 1_000 }, item))
  const buckets = await keyspace.query('SELECT bucket FROM buckets')
  t.equal(buckets.length, 3)
  t.equal((await archive.page(alice, { limit: 0, count: true })).total, 20_000)
  const newest = await archive.page(alice, { peer: bob, reverse: true, limit: 1_000 })
  t.equal(newest.items[0]?.sequence, 20_000)
  t.equal(newest.items.at(-1)?.sequence, 19_001)
  t.same(await storage.verify(), [])
  await archive.purge(alice, { upTo: newest.items.at(-1)!.id })
  t.equal((await archive.page(alice, { count: true })).total, 999)
  t.equal((await keyspace.query('SELECT bucket FROM buckets')).length, 1)
  await storage.close()
}

/** Alice writes to Bob, into her archive. */
async function send(storage: Storage, text: string): Promise<Append> {
  const sent = storage.archive('mam').append(alice, { peer: bob, payload: Buffer.from(text) })
  await storage.commit([sent])
  return sent
}

async function texts(storage: Storage): Promise<string[]> {
  const { items } = await storage.archive('mam').page(alice)
  return items.map(({ payload }) => Buffer.from(payload).toString())
}
