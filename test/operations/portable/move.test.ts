/** Users from one storage to another: all rows, all archived items, all ids. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Accounts } from '../../../src/auth/accounts.ts'
import { ArchiveIds } from '../../../src/core/ids.ts'
import { extensions } from '../../../src/extensions/index.ts'
import { exportTo } from '../../../src/operations/portable/export.ts'
import { importFrom } from '../../../src/operations/portable/import.ts'
import { linesOf } from '../../../src/operations/portable/lines.ts'
import type { Premises } from '../../../src/operations/portable/types.ts'
import { memoryStorage } from '../../../src/storage/memory.ts'
import { openSqlite } from '../../../src/storage/sqlite/open.ts'
import type { Storage } from '../../../src/storage/types.ts'
import { JID } from '../../../src/xml/jid.ts'
import { randomNumbers } from '../../support/random.ts'

const NOW = Date.UTC(2030, 0, 15, 12)
const HOST = 'example.org'
const host = JID.of('', HOST)
const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
/** No file system likes this one. */
const odd = JID.parse('.we%3a*ird~\u00e9@example.org')
const OWNERS = [alice, bob, odd]

function clockAt(time: number) {
  const clock = { time, now: () => clock.time }
  return clock
}

function premises(storage: Storage, more: Partial<Premises> = {}): Premises {
  const clock = clockAt(NOW)
  const accounts = new Accounts(storage, { iterations: 4_096, clock })
  const portables = extensions.flatMap(({ portable = [] }) => portable)
  return { storage, clock, accounts, hosts: [HOST], portables, running: false, ...more }
}

function witness(notices: string[] = []) {
  return {
    progress: async () => {},
    notice: async (text: string) => void notices.push(text),
  }
}

async function sqlite(t: Test, name: string): Promise<Storage> {
  const clock = clockAt(NOW)
  const storage = await openSqlite({ folder: join(t.testdirName, name), clock, synchronous: 'off' })
  t.teardown(() => storage.close())
  return storage
}

/** Users with something in tables of all kinds, and a conversation of many months. */
async function populate(storage: Storage, messages: number, seed = 1): Promise<void> {
  const random = randomNumbers(seed)
  const { accounts } = premises(storage)
  for (const owner of OWNERS) await accounts.add(owner, await accounts.deriveKeys(`secret of ${owner}`))
  await new ArchiveIds(storage, host).ready()
  const roster = storage.table('roster', 'lww')
  const item = {
    name: 'Bob & <Co>',
    groups: ['Friends'],
    state: 'both',
    listed: true,
    approved: false,
    version: 7,
  }
  const request = `<presence xmlns="jabber:client" from="carol@example.net" type="subscribe"/>`
  const asked = { state: 'none+in', listed: false, approved: false, version: 0, request }
  const kept = {
    at: NOW - 1_000,
    stanza:
      '<message xmlns="jabber:client" to="alice@example.org" from="x@example.net/1"><body>hi</body></message>',
  }
  await storage.commit([
    roster.put(alice, 'bob@example.org', item),
    roster.put(alice, 'carol@example.net', asked),
    roster.put(alice, 'dave@example.net', { removed: true, version: 6 }),
    storage.table('roster-version', 'lww').put(alice, 'version', { version: 7, since: 0 }),
    storage.table('offline', 'lww').put(alice, '000001894665600-000000000-n1', kept, 5_000_000),
    storage
      .table('vcard-temp', 'lww')
      .put(alice, 'vcard', '<vCard xmlns="vcard-temp"><FN>Alice</FN></vCard>'),
    storage
      .table('private-storage', 'lww')
      .put(alice, 'a b', '<query xmlns="jabber:iq:private"><a xmlns="b"/></query>'),
    storage.table('blocking', 'lww').put(bob, 'spam.example', true),
    storage
      .table('pubsub-nodes', 'lww')
      .put(alice, 'n', { config: { access: 'authorize', items: 'max', title: 'N' } }),
    storage
      .table('pubsub-items', 'lww')
      .put(alice, 'n\nb', { seq: 1, publisher: `${alice}/1`, payload: '<x xmlns="urn:x"/>' }),
    storage
      .table('pubsub-items', 'lww')
      .put(alice, 'n\na', { seq: 2, publisher: `${alice}/1`, payload: '<y xmlns="urn:x"/>' }),
    storage.table('pubsub-relations', 'lww').put(alice, 'n\nbob@example.org', {
      affiliation: 'publisher',
      subscriptions: [{ jid: 'bob@example.org', state: 'subscribed', deliver: true }],
    }),
    storage.table('pubsub-relations-of', 'lww').put(alice, 'bob@example.org\nn', true),
    storage.table('archive-preferences', 'lww').put(odd, 'wishes', { default: 'never' }),
    storage.table('status', 'mark').raise(bob, 'alice@example.org', { value: 2n ** 60n, time: NOW }),
    storage.table('health', 'lww').put(host, 'probe', NOW),
    storage.table('server-seen', 'mark').raise(host, 'n1', { value: 5n, time: NOW }),
  ])
  await talk(storage, messages, random)
}

async function talk(storage: Storage, messages: number, random: () => number): Promise<void> {
  const archive = storage.archive('messages')
  for (let n = 0; n < messages; n += 50) {
    const commits = Array.from({ length: Math.min(50, messages - n) }, () => {
      const payload = Buffer.from(
        `<message xmlns="jabber:client" from="${alice}/1"><body>${n} ${random()}</body></message>`,
      )
      const unread = random() < 0.5
      const [owner, peer] = random() < 0.3 ? [odd, alice] : [alice, bob.withResource('phone')]
      return storage.commit([
        archive.append(owner, { peer, payload }),
        archive.append(bob, { peer: owner, payload, unread }),
      ])
    })
    await Promise.all(commits)
  }
  const [first] = (await archive.page(bob, { limit: 1 })).items
  if (first !== undefined) await storage.commit([archive.replace(bob, first.id, Buffer.from('<message/>'))])
}

/** All that a storage has, as lines of JSON. */
async function everything(storage: Storage): Promise<string[]> {
  const lines: string[] = []
  for (const owner of [host, ...OWNERS]) for await (const line of linesOf(storage, owner)) lines.push(line)
  return lines
}

t.test('everything is the same in another storage, and 5,000 messages with their ids', async t => {
  t.testdir()
  const from = await sqlite(t, 'from')
  await populate(from, 5_000)
  const folder = join(t.testdirName, 'export')
  t.strictSame(await exportTo(folder, 'a', premises(from), witness()), { moved: 3, skipped: 0 })
  const before = await everything(from)
  t.ok(before.length > 10_000)
  for (const file of [
    'server-data.xml',
    'example.org.xml',
    'example.org.jsonl',
    'example.org/alice.xml',
    'example.org/alice.jsonl',
  ])
    t.equal((await stat(join(folder, file))).mode & 0o777, 0o600, file)
  t.equal((await stat(join(folder, 'example.org'))).mode & 0o777, 0o700)
  for (const to of [await sqlite(t, 'to'), memoryStorage({ clock: clockAt(NOW) })]) {
    t.strictSame(await importFrom(folder, premises(to), witness()), { moved: 3, skipped: 0 })
    const after = await everything(to)
    t.equal(after.length, before.length)
    t.ok(
      after.every((line, at) => line === before[at]),
      'line by line',
    )
    t.strictSame(
      await importFrom(folder, premises(to), witness()),
      { moved: 0, skipped: 3 },
      'and once is enough',
    )
    const accounts = new Accounts(to)
    t.ok(await accounts.verify(alice, `secret of ${alice}`))
    const [ours, theirs] = [new ArchiveIds(from, host), new ArchiveIds(to, host)]
    await Promise.all([ours.ready(), theirs.ready()])
    const { items } = await from.archive('messages').page(bob, { limit: 3, reverse: true })
    for (const { id } of items)
      t.equal(theirs.text(bob, id), ours.text(bob, id), 'a stanza-id is what it was')
  }
})

t.test('whatever is stored is the same elsewhere', async t => {
  t.testdir()
  for (let seed = 2; seed < 6; seed++) {
    const from = memoryStorage({ clock: clockAt(NOW) })
    await populate(from, seed * 13, seed)
    const folder = join(t.testdirName, `random-${seed}`)
    await exportTo(folder, 'a', premises(from), witness())
    // Not all in SQLite: it is a thread each time, which a machine that is busy starts slowly.
    const to = seed % 3 === 0 ? await sqlite(t, `to-${seed}`) : memoryStorage({ clock: clockAt(NOW) })
    await importFrom(folder, premises(to), witness())
    t.strictSame(await everything(to), await everything(from))
  }
})

t.test('one that was broken off goes on, and leaves nothing twice', async t => {
  t.testdir()
  const from = memoryStorage({ clock: clockAt(NOW) })
  await populate(from, 700)
  const folder = join(t.testdirName, 'export')
  const stopping = premises(from, {
    portables: [
      {
        elements: [],
        take: async () => [],
        async *write(_, owner) {
          if (owner.equals(bob)) throw new Error('killed')
          yield ''
        },
      },
    ],
  })
  await t.rejects(exportTo(folder, 'a', stopping, witness()), { message: 'killed' })
  await t.rejects(
    importFrom(folder, premises(from), witness()),
    { code: 'TIDINGS_IMPORT_FILE' },
    'half of it is none',
  )
  await t.rejects(
    exportTo(folder, 'b', premises(from), witness()),
    { code: 'TIDINGS_EXPORT_TARGET' },
    'of other data',
  )
  const { moved, skipped } = await exportTo(folder, 'a', premises(from), witness())
  t.equal(moved + skipped, 3)
  t.ok(skipped > 0)
  await t.rejects(
    exportTo(folder, 'a', premises(from), witness()),
    { code: 'TIDINGS_EXPORT_TARGET' },
    'whole',
  )

  const to = await sqlite(t, 'to')
  const file = join(folder, 'example.org/bob.jsonl')
  const whole = await readFile(file, 'utf8')
  await writeFile(file, whole.slice(0, whole.length - 40))
  await t.rejects(importFrom(folder, premises(to), witness()), { code: 'TIDINGS_IMPORT_FILE' })
  t.notOk(await new Accounts(to).exists(bob), 'whoever is not whole has no account')
  t.ok((await to.archive('messages').page(bob)).items.length > 0)
  await writeFile(file, whole)
  await importFrom(folder, premises(to), witness())
  t.strictSame(await everything(to), await everything(from))
})

t.test('a host that has given ids with another key', async t => {
  t.testdir()
  const from = memoryStorage({ clock: clockAt(NOW) })
  await populate(from, 10)
  const folder = join(t.testdirName, 'export')
  await exportTo(folder, 'a', premises(from), witness())
  const to = memoryStorage({ clock: clockAt(NOW) })
  await new ArchiveIds(to, host).ready()
  await t.rejects(importFrom(folder, premises(to, { running: true }), witness()), {
    code: 'TIDINGS_IMPORT_HOST',
    message: /stop the server/,
  })
  const notices: string[] = []
  const elsewhere = await importFrom(folder, premises(to, { hosts: ['other.example'] }), witness(notices))
  t.strictSame([elsewhere, notices.length], [{ moved: 0, skipped: 0 }, 1], 'a host that is not here is told')
  await importFrom(folder, premises(to), witness())
  t.strictSame(await everything(to), await everything(from), 'nobody has seen its ids, so they are replaced')
  const used = memoryStorage({ clock: clockAt(NOW) })
  await new ArchiveIds(used, host).ready()
  const { accounts } = premises(used)
  await accounts.add(JID.parse('zoe@example.org'), await accounts.deriveKeys('x'))
  await t.rejects(importFrom(folder, premises(used), witness()), { code: 'TIDINGS_IMPORT_HOST' })
})

t.test('without the lines of JSON: as another server would have it', async t => {
  t.testdir()
  const from = memoryStorage({ clock: clockAt(NOW) })
  await populate(from, 10)
  const folder = join(t.testdirName, 'export')
  await exportTo(folder, 'a', premises(from), witness())
  for (const name of ['example.org', 'example.org/alice', 'example.org/bob'])
    await rm(join(folder, `${name}.jsonl`))
  const to = memoryStorage({ clock: clockAt(NOW) })
  const notices: string[] = []
  await importFrom(folder, premises(to), witness(notices))
  t.strictSame(notices, [])
  t.ok(await new Accounts(to).verify(alice, `secret of ${alice}`))
  const row = await to.table('roster', 'lww').get(alice, 'bob@example.org')
  t.match(row, { name: 'Bob & <Co>', groups: ['Friends'], state: 'both', listed: true })
  t.match(await to.table('roster', 'lww').get(alice, 'carol@example.net'), {
    state: 'none+in',
    listed: false,
    request: /carol/,
  })
  const kept = (await to.table<{ at: number; stanza: string }>('offline', 'lww').page(alice)).items
  t.match(kept, [{ item: { at: NOW - 1_000, stanza: /<body>hi<\/body><\/message>$/ } }])
  t.equal(
    await to.table('vcard-temp', 'lww').get(alice, 'vcard'),
    '<vCard xmlns="vcard-temp"><FN>Alice</FN></vCard>',
  )
  t.match(await to.table('private-storage', 'lww').get(alice, 'a b'), /<a xmlns="b"\/>/)
  t.match(await to.table('pubsub-nodes', 'lww').get(alice, 'n'), {
    config: { access: 'authorize', items: 'max', title: 'N' },
  })
  for (const [id, seq, payload] of [
    ['b', 1, '<x xmlns="urn:x"/>'],
    ['a', 2, '<y xmlns="urn:x"/>'],
  ])
    t.match(await to.table('pubsub-items', 'lww').get(alice, `n\n${id}`), { seq, payload })
  t.strictSame(await to.table('pubsub-relations', 'lww').get(alice, 'n\nbob@example.org'), {
    subscriptions: [{ jid: 'bob@example.org', state: 'subscribed', deliver: true }],
    affiliation: 'publisher',
  })
  t.equal(await to.table('pubsub-relations-of', 'lww').get(alice, 'bob@example.org\nn'), true)
})
