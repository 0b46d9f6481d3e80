/** What was erased is nowhere in the files: the database, its write-ahead log, and a copy made afterwards. */
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import type { Archive, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const FILE = 'tidings.db'
const DAY = 86_400_000

t.test('what was purged or forgotten is nowhere in the files', async t => {
  const folder = t.testdir()
  const storage = await openSqlite({ folder })
  const archive = storage.archive('mam')
  const secret = (n: number) => Buffer.from(`<<secret ${n}>>${'.'.repeat((n * 37) % 900)}`)
  for (let n = 0; n < 400; n += 20) {
    const payloads = Array.from({ length: 20 }, (_, k) => secret(n + k))
    await storage.commit(payloads.map(payload => archive.append(alice, { peer: bob, payload })))
    await storage.commit(
      payloads.map(() => archive.append(bob, { peer: alice, payload: Buffer.from('<<kept>>') })),
    )
    if (n === 200) await storage.settled()
  }
  await storage.commit([
    archive.append(alice, { peer: bob, payload: Buffer.alloc(50_000, '<<secret big>>') }),
  ])
  t.ok(occurrences(folder, 'secret') >= 400, 'found before')
  const { items } = await archive.page(alice, { limit: 10 })
  await archive.purge(alice, { ids: items.map(({ id }) => id) })
  for (let n = 0; n < 10; n++)
    t.equal(occurrences(folder, `secret ${n}>>`), 0, `secret ${n} after a purge of ten`)
  t.not(occurrences(folder, 'secret 10>>'), 0)
  await storage.forget(alice)
  t.equal(occurrences(folder, 'secret'), 0, 'none after forget')
  t.ok(occurrences(folder, 'kept') >= 400)
  await archive.expire(Date.UTC(2100, 0))
  t.equal(occurrences(folder, 'kept'), 0, 'none after retention')
  await storage.close()
})

t.test('shared payloads stay until the last owner is gone', async t => {
  const folder = t.testdir()
  const storage = await openSqlite({ folder })
  const archive = storage.archive('mam')
  const payload = Buffer.from('<<shared>>')
  await storage.commit([
    archive.append(alice, { peer: bob, payload }),
    archive.append(bob, { peer: alice, payload }),
  ])
  await storage.settled()
  t.equal(occurrences(folder, 'shared', `${FILE}-wal`), 1, 'stored once')
  await archive.purge(alice)
  t.equal(occurrences(folder, 'shared'), 1)
  t.equal((await archive.page(bob)).items.length, 1)
  await archive.purge(bob)
  t.equal(occurrences(folder, 'shared'), 0)
  await storage.close()
})

t.test('what a tombstone replaced is gone when nobody sees it any more', async t => {
  const folder = join(t.testdir(), 'data')
  const storage = await openSqlite({ folder })
  const archive = storage.archive('mam')
  const ids: bigint[] = []
  for (let n = 0; n < 60; n++) ids.push(await talk(storage, `<<secret ${n}>>${'.'.repeat(n * n)}`))
  await storage.settled()
  for (let n = 60; n < 120; n++) ids.push(await talk(storage, `<<secret ${n}>>`))
  for (const [n, id] of ids.entries())
    if (n % 3 > 0) await storage.commit(sides(archive, id, n % 3 === 1 ? 'both' : 'one'))
  await storage.settled()
  await storage.backup(join(folder, '..', 'copy'))
  for (const place of [folder, join(folder, '..', 'copy')])
    for (let n = 0; n < 120; n++)
      t.equal(occurrences(place, `secret ${n}>>`) > 0, n % 3 !== 1, `${n} in ${place}`)
  t.ok(occurrences(folder, 'tombstone') >= 120)
  await storage.close()
})

t.test('what was replaced before a crash is gone after the next start', async t => {
  const root = t.testdir()
  const storage = await openSqlite({ folder: join(root, 'data') })
  const archive = storage.archive('mam')
  const id = await talk(storage, '<<secret>>')
  await storage.commit(sides(archive, id, 'both'))
  // What a process that is killed now leaves behind.
  cpSync(join(root, 'data'), join(root, 'after'), {
    recursive: true,
    filter: file => !/-shm$|lock$|pid$/.test(file),
  })
  await storage.close()
  t.ok(occurrences(join(root, 'after'), 'secret') > 0, 'the write-ahead log still has it')
  const next = await openSqlite({ folder: join(root, 'after') })
  await next.settled()
  t.equal(occurrences(join(root, 'after'), 'secret'), 0)
  t.equal(Buffer.from((await next.archive('mam').page(alice)).items[0]!.payload).toString(), 'tombstone')
  await next.close()
})

t.test('a forgotten owner leaves no device of a peer behind, and no key', async t => {
  const folder = t.testdir()
  const storage = await openSqlite({ folder })
  const archive = storage.archive('mam')
  const payload = Buffer.from('x')
  const peer = bob.withResource('telephone-73')
  await storage.commit([archive.append(alice, { peer, payload, unique: { key: 'key-of-alice' } })])
  await storage.settled()
  t.equal(occurrences(folder, 'key-of-alice'), 0, 'keys are hashed')
  await storage.forget(alice)
  t.equal(occurrences(folder, 'telephone-73'), 0)
  await storage.close()
})

t.test('whatever is stored and erased in whatever order', async t => {
  const root = t.testdir()
  let round = 0
  const size = fc.oneof(fc.nat(300), fc.nat(9000))
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('talk' as const), size }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('replace' as const), which: fc.nat(100) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('purge' as const), which: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async steps => {
      const folder = join(root, `${round++}`)
      const clock = { time: Date.UTC(2030, 0, 20), now: () => clock.time }
      const storage = await openSqlite({ folder, clock, synchronous: 'off' })
      const archive = storage.archive('mam')
      /** Texts that are still there, by id. */
      const there = new Map<bigint, string>()
      const all: string[] = []
      for (const one of steps) {
        const [id] = [...there.keys()].slice(
          -1 - (one.do === 'replace' || one.do === 'purge' ? one.which % 10 : 0),
        )
        clock.time += DAY / 4
        if (one.do === 'talk') {
          const text = `<<secret ${all.length}>>`
          all.push(text)
          there.set(await talk(storage, text + '.'.repeat(one.size)), text)
        } else if (one.do === 'settle') await storage.settled()
        else if (one.do === 'expire') {
          const before = clock.time - 3 * DAY
          await archive.expire(before)
          for (const old of there.keys()) if (Number(old >> 10n) < before) there.delete(old)
        } else if (id !== undefined) {
          if (one.do === 'replace') await storage.commit(sides(archive, id, 'both'))
          else for (const owner of [alice, bob]) await archive.purge(owner, { ids: [id] })
          there.delete(id)
        }
      }
      await storage.settled()
      const left = new Set(there.values())
      const found = all.filter(text => occurrences(folder, text) > 0)
      await storage.close()
      rmSync(folder, { recursive: true })
      if (found.join() !== all.filter(text => left.has(text)).join())
        throw new Error(`${found} but ${[...left]}`)
    }),
    { numRuns: 25, endOnFailure: true },
  )
  t.ok(round >= 25)
})

/** Alice writes to Bob; the id. */
async function talk(storage: Storage, text: string): Promise<bigint> {
  const archive = storage.archive('mam')
  const payload = Buffer.from(text)
  const sent = archive.append(alice, { peer: bob, payload })
  await storage.commit([
    sent,
    archive.append(bob, { peer: alice.withResource('phone'), payload, unread: true }),
  ])
  return sent.id
}

/** Tombstones for one side of an item or both. */
function sides(archive: Archive, id: bigint, which: 'one' | 'both') {
  const owners = which === 'both' ? [alice, bob] : [alice]
  return owners.map(owner => archive.replace(owner, id, Buffer.from('tombstone')))
}

/** How often a text occurs in the files of a folder. */
function occurrences(folder: string, text: string, only?: string): number {
  const files = readdirSync(folder).filter(file => only === undefined || file === only)
  const contents = files.map(file => readFileSync(join(folder, file)).toString('latin1'))
  return contents.reduce((sum, content) => sum + content.split(text).length - 1, 0)
}
