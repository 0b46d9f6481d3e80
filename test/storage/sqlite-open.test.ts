/** Opening a folder: who may, with which rights, and what is found in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openForWriting } from '../../src/storage/sqlite/database.ts'
import { Eraser } from '../../src/storage/sqlite/erase.ts'
import { GroupWriter } from '../../src/storage/sqlite/group-writer.ts'
import { checkVersion, migrate } from '../../src/storage/sqlite/migrations/index.ts'
import { Names } from '../../src/storage/sqlite/names.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { Thread } from '../../src/storage/sqlite/thread.ts'
import { WriteBehind } from '../../src/storage/sqlite/write-behind.ts'
import { Writer } from '../../src/storage/sqlite/writer-core.ts'
import { StorageError } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const alice = JID.parse('alice@example.org')
const FILE = 'tidings.db'
/** An append as the writer sees it. */
const APPEND = {
  kind: 'append',
  archive: 'mam',
  unread: false,
  byOwner: false,
  key: undefined,
  unless: [],
} as const

t.test('the folder and its files are for their owner only', async t => {
  const folder = join(t.testdir(), 'some', 'where')
  const storage = await openSqlite({ folder })
  const table = storage.table<number>('things', 'lww')
  await storage.commit([table.put(alice, 'k', 1)])
  t.equal(await table.get(alice, 'k'), 1)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  for (const file of readdirSync(folder)) t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file)
  t.ok(readdirSync(folder).length >= 5, 'looked while it was open')
  await storage.close()
  t.strictSame(readdirSync(folder).sort(), ['lock', FILE], 'closing tidies up')
})

t.test('a folder is for one process', async t => {
  const folder = t.testdir()
  const storage = await openSqlite({ folder })
  const inUse = { name: 'StorageError', code: 'in-use', message: new RegExp(`process ${process.pid}$`) }
  await t.rejects(openSqlite({ folder }), inUse, 'not twice in this one')
  await t.rejects(openSqlite({ folder }), inUse, 'and a failed try does not break the lock')
  const other = openElsewhere(t, folder)
  t.match(await lineOf(other), new RegExp(`^in-use .* process ${process.pid}$`), 'not in another one')
  await storage.close()
  const next = openElsewhere(t, folder)
  t.equal(await lineOf(next), 'open')
  await t.rejects(openSqlite({ folder }), { code: 'in-use', message: new RegExp(`process ${next.pid}$`) })
  next.kill('SIGKILL')
  await once(next, 'exit')
  t.ok(readdirSync(folder).includes('pid'), 'what a killed process leaves behind')
  const again = await openSqlite({ folder })
  t.pass('means nothing')
  await again.close()
})

t.test('files that another process left behind mean nothing', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'lock'), '')
  writeFileSync(join(folder, 'pid'), 'nonsense\n')
  const storage = await openSqlite({ folder })
  t.equal(readFileSync(join(folder, 'pid'), 'utf8'), `${process.pid}\n`)
  await storage.close()
})

t.test('data of a newer program are refused and left alone', async t => {
  const folder = t.testdir()
  await (await openSqlite({ folder })).close()
  alter(folder, 'PRAGMA user_version = 99')
  const before = readFileSync(join(folder, FILE))
  await t.rejects(openSqlite({ folder }), { code: 'newer-schema', message: /schema 99/ })
  t.ok(readFileSync(join(folder, FILE)).equals(before))
  alter(folder, 'PRAGMA user_version = 2')
  await (await openSqlite({ folder })).close()
})

t.test('files that are not ours are refused', async t => {
  const foreign = t.testdir({ other: {}, text: { [FILE]: 'hello'.repeat(1000) } })
  alter(join(foreign, 'other'), 'CREATE TABLE somebody_elses(x)')
  for (const name of ['other', 'text']) {
    const before = readFileSync(join(foreign, name, FILE))
    await t.rejects(openSqlite({ folder: join(foreign, name) }), { code: 'corrupt' }, name)
    t.ok(readFileSync(join(foreign, name, FILE)).equals(before))
  }
})

t.test('a folder that cannot be made', async t => {
  const folder = join(t.testdir({ file: '' }), 'file', 'data')
  await t.rejects(openSqlite({ folder }), { name: 'StorageError', code: 'unavailable' })
})

t.test('migrations run once, in order, each whole or not at all', t => {
  const db = new DatabaseSync(':memory:')
  const one = 'CREATE TABLE a(x); INSERT INTO a VALUES(1)'
  const two = 'CREATE TABLE b(x); INSERT INTO a VALUES(2)'
  migrate(db, [one])
  migrate(db, [one])
  t.throws(() => migrate(db, [one, `${two}; SELECT nonsense`]))
  t.same(rows(db), ['a'], 'half a step is taken back')
  migrate(db, [one, two])
  t.same(rows(db), ['a', 'b'])
  t.same(
    db
      .prepare('SELECT x FROM a')
      .all()
      .map(({ x }) => x),
    [1, 2],
  )
  db.exec('PRAGMA user_version = 99')
  t.throws(() => checkVersion(db), { code: 'newer-schema' })
  db.close()
  t.end()
})

t.test('a thread that dies fails what waits for it', async t => {
  const failure = Promise.withResolvers<StorageError>()
  const folder = join(t.testdir(), 'missing')
  new Thread('reader', { folder }, () => t.fail('it said something'), failure.resolve)
  const error = await failure.promise
  t.match(error, { code: 'unavailable', retryable: true })
  t.ok(error instanceof StorageError)
})

t.test('a retention that was cut off is finished by the next process', async t => {
  const folder = t.testdir()
  const db = openForWriting(folder, 'off')
  const names = new Names(db)
  const behind = new WriteBehind(db, 'off')
  const groups = new GroupWriter(db, names, behind)
  const append = (text: string) => ({ ...APPEND, owner: 'o', peer: 'p', payload: Buffer.from(text) }) as const
  const old = Array.from({ length: 1000 }, (_, n) => [append(`<<old ${n}>>`)])
  groups.write(old, Date.UTC(2030, 0, 5))
  groups.write([[append('<<new>>')]], Date.UTC(2030, 5, 5))
  const steps = new Eraser({ db, names, behind, groups }).expire({
    archive: 'mam',
    before: Date.UTC(2030, 5, 5),
    domain: undefined,
  })
  for (let n = 0; n < 5; n++) t.notOk(steps.next().done)
  db.close()
  t.ok(occurrences(folder, '<<old') > 0)
  const writer = new Writer({ folder, synchronous: 'off' }, problem => t.fail(String(problem)))
  await writer.work({ task: 'settle', now: 0 })
  t.equal(occurrences(folder, '<<old'), 0)
  t.equal(occurrences(folder, '<<new'), 1)
  writer.close()
})

/** Opens the folder in another process, which prints `open` or why not, and waits to be killed. */
function openElsewhere(t: Test, folder: string): ChildProcess {
  const script = `
    import { openSqlite } from ${JSON.stringify(new URL('../../src/storage/sqlite/open.ts', import.meta.url).href)}
    try {
      await openSqlite({ folder: ${JSON.stringify(folder)} })
      console.log('open')
      setInterval(() => {}, 1000)
    } catch (error) {
      console.log(error.code, error.message)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  return child
}

async function lineOf(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  return chunk.toString().trim()
}

function alter(folder: string, sql: string): void {
  const db = new DatabaseSync(join(folder, FILE))
  db.exec(sql)
  db.close()
}

function rows(db: DatabaseSync): unknown[] {
  return db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all()
    .map(({ name }) => name)
}

/** How often a text occurs in the files of a folder. */
function occurrences(folder: string, text: string, only?: string): number {
  const files = readdirSync(folder).filter(file => only === undefined || file === only)
  const contents = files.map(file => readFileSync(join(folder, file)).toString('latin1'))
  return contents.reduce((sum, content) => sum + content.split(text).length - 1, 0)
}
