/** A copy while commits go on, and the way back. */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { restoreSqlite } from '../../src/storage/sqlite/restore.ts'
import type { Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const alice = JID.parse('alice@example.org')
const FILE = 'tidings.db'

/** A storage with some MiB in it, and folders beside it. */
async function filled(t: Test) {
  const root = t.testdir()
  const data = join(root, 'data')
  const storage = await openSqlite({ folder: data })
  t.teardown(() => storage.close())
  const table = storage.table<string>('things', 'lww')
  for (let n = 0; n < 20; n++)
    await storage.commit(
      Array.from({ length: 100 }, (_, i) => table.put(alice, `old${n}-${i}`, 'x'.repeat(4000))),
    )
  return { root, data, storage, table, to: join(root, 'copy') }
}

async function opened(t: Test, folder: string): Promise<Storage> {
  const storage = await openSqlite({ folder })
  t.teardown(() => storage.close())
  return storage
}

t.test('a copy made while commits go on is whole, and of one moment', async t => {
  const { root, storage, table, to } = await filled(t)
  await storage.commit([table.put(alice, 'before', '0')])
  let copying = true
  const copied = storage.backup(to).finally(() => {
    copying = false
  })
  let commits = 0
  // Both rows of a commit change together, so a copy in which they differ is of no one moment.
  while (copying) {
    commits++
    await storage.commit([table.put(alice, 'a', `${commits}`), table.put(alice, 'z', `${commits}`)])
  }
  await copied
  t.ok(commits > 0, `${commits} commits meanwhile`)
  t.equal(statSync(to).mode & 0o777, 0o700)
  t.equal(statSync(join(to, FILE)).mode & 0o777, 0o600)

  const data = join(root, 'restored')
  restoreSqlite(to, data)
  t.strictSame(readdirSync(data), [FILE])
  t.equal(statSync(join(data, FILE)).mode & 0o777, 0o600)
  const again = await opened(t, data)
  t.strictSame(await again.verify(), [])
  const things = again.table<string>('things', 'lww')
  t.equal(await things.get(alice, 'before'), '0', 'what was committed before is in it')
  t.equal(await things.get(alice, 'old19-99'), 'x'.repeat(4000))
  t.equal(await things.get(alice, 'a'), await things.get(alice, 'z'))
  await again.commit([things.put(alice, 'after', '1')])
  t.equal(await things.get(alice, 'after'), '1', 'and it goes on from there')
})

t.test('no copy over another one', async t => {
  const { storage, to } = await filled(t)
  await storage.backup(to)
  const before = readFileSync(join(to, FILE))
  await t.rejects(storage.backup(to), { name: 'StorageError', code: 'invalid', message: /already/ })
  t.ok(readFileSync(join(to, FILE)).equals(before), 'it is as it was')
})

t.test('closing breaks a copy off and leaves no half of one', async t => {
  const { storage, to } = await filled(t)
  const copied = t.rejects(storage.backup(to), { name: 'StorageError', code: 'closed' })
  await storage.close()
  await copied
  t.notOk(readdirSync(join(to, '..')).includes('copy') && readdirSync(to).includes(FILE))
})

t.test('restoring wants an empty folder and a sound copy', async t => {
  const { root, storage, to } = await filled(t)
  await storage.backup(to)
  const taken = join(root, 'data')
  t.throws(() => restoreSqlite(to, taken), { code: 'invalid', message: /not empty/ })
  const empty = join(root, 'empty')
  t.throws(() => restoreSqlite(join(root, 'nowhere'), empty), { name: 'StorageError' })
  truncateSync(join(to, FILE), 1_000_000)
  t.throws(() => restoreSqlite(to, empty), { code: 'corrupt' })
  writeFileSync(join(to, FILE), 'no database at all, whatever its name says')
  t.throws(() => restoreSqlite(to, empty), { code: 'corrupt' })
  t.strictSame(readdirSync(empty), [], 'and what was tried is gone')
})

t.test('damage is found', async t => {
  const { data, storage } = await filled(t)
  t.strictSame(await storage.verify(), [])
  await storage.close()
  const file = join(data, FILE)
  const bytes = readFileSync(file)
  // The pages of rows in the middle.
  bytes.fill(0xff, 400_000, 500_000)
  writeFileSync(file, bytes)
  const damaged = await opened(t, data)
  const found = await damaged.verify().catch((error: { code: string }) => [error.code])
  t.not(found.length, 0, found[0] ?? 'nothing found')
})

t.test('what is in memory alone has no copy', async t => {
  const storage = memoryStorage({ clock: { now: () => 0 } })
  await t.rejects(storage.backup(t.testdir()), { code: 'invalid' })
  t.strictSame(await storage.verify(), [])
  t.equal(storage.waiting, 0)
})

t.test('commits that wait are counted', async t => {
  const { storage, table } = await filled(t)
  t.equal(storage.waiting, 0)
  const commits = [1, 2, 3].map(n => storage.commit([table.put(alice, 'k', `${n}`)]))
  t.equal(storage.waiting, 3)
  await Promise.all(commits)
  t.equal(storage.waiting, 0)
})
