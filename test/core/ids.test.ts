import t from 'tap'
import { ArchiveIds, isRepeated } from '../../src/core/ids.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { JID } from '../../src/xml/jid.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from '../support/clock.ts'

const HOST = JID.parse('localhost')
const ALICE = JID.parse('alice@localhost')
const BOB = JID.parse('bob@localhost')
const GREATEST = 2n ** 63n - 1n

async function fresh(storage = memoryStorage({ clock: new ManualClock() })) {
  const ids = new ArchiveIds(storage, HOST)
  await ids.ready()
  return { ids, storage }
}

t.test('an id of an archive leads back to its number, and to no other archive', async t => {
  const { ids } = await fresh()
  for (const number of [1n, 255n, 1_800_000_000_000n * 1_024n, GREATEST]) {
    const text = ids.text(ALICE, number)
    t.match(text, /^[\w-]{22}$/)
    t.equal(ids.text(ALICE.withResource('phone'), number), text, 'the archive is that of the account')
    t.equal(ids.parse(ALICE, text), number)
    t.equal(ids.parse(BOB, text), undefined)
    t.not(ids.text(BOB, number), text)
  }
  const numbers = [7n, GREATEST, 8n]
  t.same(
    ids.texts(ALICE, numbers),
    numbers.map(number => ids.text(ALICE, number)),
    'several at once',
  )
  t.same(ids.texts(ALICE, []), [])
  const all = new Set(Array.from({ length: 1_000 }, (_, i) => ids.text(ALICE, BigInt(i)).slice(0, 6)))
  t.ok(all.size > 990, 'ids of neighbours have nothing in common')
})

t.test('what is no id of ours is refused', async t => {
  const { ids } = await fresh()
  const real = ids.text(ALICE, 7n)
  const last = real.at(-1) === 'A' ? 'B' : 'A'
  for (const text of [
    '',
    'x',
    real.slice(1),
    `${real}A`,
    real.slice(0, -1) + last,
    ' '.repeat(22),
    'é'.repeat(22),
  ])
    t.equal(ids.parse(ALICE, text), undefined, JSON.stringify(text))
})

t.test('ids stay what they are: the key is made once, whoever is first', async t => {
  const { storage } = await fresh()
  const [one, other] = await Promise.all([fresh(storage), fresh(storage)])
  t.equal(one.ids.text(ALICE, 5n), other.ids.text(ALICE, 5n))
  t.not((await fresh()).ids.text(ALICE, 5n), one.ids.text(ALICE, 5n), 'another storage, another key')
  t.equal(one.ids.ready(), undefined, 'then there is nothing to wait for')
})

t.test('a key that could not be read is read again', async t => {
  const { storage } = await fresh()
  const working = storage.table<string>('archive-ids', 'cas')
  let failing = true
  const table = Object.assign(Object.create(working), {
    update: (...args: Parameters<typeof working.update>) =>
      failing ? Promise.reject(new Error('no storage')) : working.update(...args),
  })
  const ids = new ArchiveIds(Object.assign(Object.create(storage), { table: () => table }), HOST)
  await t.rejects(async () => ids.ready(), { message: 'no storage' })
  t.throws(() => ids.text(ALICE, 1n), { message: /has not been read/ })
  failing = false
  await ids.ready()
  t.equal(ids.parse(ALICE, ids.text(ALICE, 1n)), 1n)
})

t.test('a committed stanza has the id of the archive of whoever sees it', async t => {
  const { ids, storage } = await fresh()
  const message = Stanza.build('message', { from: ALICE.withResource('1'), to: BOB })
  const archive = storage.archive('messages')
  const payload = message.pack()
  const key = { unique: { key: 'k' } }
  const writes = () => [
    archive.append(ALICE, { peer: BOB, payload, ...key }),
    archive.append(BOB, { peer: ALICE, payload }),
  ]
  const [first, second] = [writes(), writes()]
  await storage.commit(first)
  await storage.commit(second)
  t.same([isRepeated(first), isRepeated(second), isRepeated([])], [false, true, false])

  const shown = ids.identify(message, BOB, first)
  const id = ids.text(BOB, first[1]!.id)
  t.same(
    shown.ids?.map(({ by, id }) => ({ by, id })),
    [{ by: 'bob@localhost', id }],
  )
  t.notMatch(shown.encode().toString(), 'sequence')
  ids.numbered = true
  t.match(
    ids.identify(message, ALICE, first).encode().toString(),
    /<sequence xmlns="tidings:sequence:0" by="alice@localhost" number="1" unread="0"\/><\/message>$/,
  )
  t.equal(ids.identify(message, JID.parse('carol@localhost'), first), message, 'not archived there')
  t.equal(ids.numberOf(shown, BOB), first[1]!.id)
  t.equal(ids.numberOf(shown, ALICE), undefined)
  t.equal(ids.numberOf(message, BOB), undefined)
  t.equal(
    ids.numberOf(Stanza.unpack(shown.pack()), BOB),
    first[1]!.id,
    'also where it comes from another node',
  )
})
