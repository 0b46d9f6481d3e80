/** What the writer does when nobody asks it to, without a thread of its own and with a clock that is set. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { mock } from 'node:test'
import t from 'tap'
import { encodeGroup } from '../../src/storage/sqlite/group-message.ts'
import { Writer } from '../../src/storage/sqlite/writer-core.ts'

const tick = () => new Promise<void>(resolve => setImmediate(resolve))
const DAY = 86_400_000

/** A writer, and a look at what it has written. */
function setUp(folder: string) {
  const writer = new Writer({ folder, synchronous: 'off' }, problem => t.fail(String(problem)))
  const db = new DatabaseSync(join(folder, 'tidings.db'), { readOnly: true })
  const count = (sql: string) => Number(db.prepare(sql).get()?.n)
  const close = () => {
    db.close()
    writer.close()
  }
  const append = (key: string, now: number) => {
    const payload = Buffer.from(key)
    const subject = {
      archive: 'mam',
      owner: 'o',
      peer: 'p',
      payload,
      unread: false,
      counted: 'peer',
    } as const
    const [outcome] = writer.write(encodeGroup([[{ kind: 'append', ...subject, key, unless: [key] }]], now))
    return outcome
  }
  return { writer, append, count, close }
}

t.test('what is not indexed yet is, when nothing has come for a while', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { append, count, close } = setUp(t.testdir())
  for (let n = 0; n < 10; n++) {
    append(`k${n}`, 1000 * n)
    await tick()
    mock.timers.tick(9000)
    await tick()
    t.equal(count('SELECT count(*) AS n FROM index_1'), 0)
  }
  mock.timers.tick(1000)
  for (let n = 0; n < 5; n++) await tick()
  t.equal(count('SELECT count(*) AS n FROM index_1'), 10)
  t.equal(count('SELECT sequence AS n FROM counter'), 10)
  close()
})

t.test('keys lie in pages, which are taken away when they are two days old', async t => {
  const { writer, append, count, close } = setUp(t.testdir())
  const pages: number[] = []
  for (let day = 1; day <= 6; day++) {
    for (let n = 0; n < 60; n++) {
      append(`day ${day}: ${n}`, day * DAY)
      if (n % 2 === 1) await writer.work({ task: 'settle', now: day * DAY })
    }
    pages.push(count('SELECT count(*) AS n FROM key_page'))
  }
  // The tables take turns once the first page of a day is written: that one goes with those of the day before.
  t.strictSame(pages, [30, 59, 59, 59, 59, 59])
  t.match(append('day 6: 5', 6 * DAY), { repeated: true })
  t.match(append('day 5: 5', 6 * DAY), { repeated: true })
  t.match(append('day 3: 5', 6 * DAY), { repeated: false })
  close()
})

t.test('erasures that wait in line empty the write-ahead log once', async t => {
  const { writer, append, close } = setUp(t.testdir())
  for (let n = 0; n < 20; n++) append(`k${n}`, 1000)
  await writer.work({ task: 'settle', now: 1000 })
  const exec = t.capture(DatabaseSync.prototype, 'exec', DatabaseSync.prototype.exec)
  const purge = { task: 'purge', archive: 'mam', owner: 'o', before: undefined, upTo: undefined } as const
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => writer.work({ ...purge, ids: [BigInt(1_024_000 + n)] })),
  )
  const tries = exec().filter(({ args }) => String(args[0]).includes('busy_timeout = 5'))
  t.equal(tries.length, 1)
  close()
})
