import { compareKeys } from '../../src/storage/checks.ts'
import type { Entry, KeyRange, ReadableTable } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')

/** Texts whose order by UTF-8 bytes differs from their order by UTF-16 units, and other odd ones. */
const UNICODE = [
  '',
  'a',
  '\u00e9',
  'e\u0301',
  '\u00df',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{1f642}',
  '\u{1f642}\u{1f642}',
  '\u{10ffff}',
  '%_',
  `'"\``,
  '\u0001',
  'null',
]

/** Lines about tables. */
export const tableContract: Lines = {
  'what was put is got, and nothing else': async (t, { storage }) => {
    const table = storage.table<unknown>('things', 'lww')
    const items = [1.5, 'text', null, true, [], { nested: { list: [1, 'zwei', '三'] } }]
    await storage.commit(items.map((item, index) => table.put(alice, `k${index}`, item)))
    for (const [index, item] of items.entries()) t.same(await table.get(alice, `k${index}`), item)
    t.equal(await table.get(alice, 'k9'), undefined)
    t.equal(await table.get(bob, 'k0'), undefined, "another owner's rows are never seen")
    t.equal(await storage.table('others', 'lww').get(alice, 'k0'), undefined)
    t.same((await table.page(bob)).items, [])
  },

  'a full JID counts as its bare JID': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const write = table.put(JID.parse('alice@example.org/phone'), 'k', 'v')
    t.equal(write.owner.toString(), 'alice@example.org')
    await storage.commit([write])
    t.equal(await table.get(JID.parse('alice@example.org/desk'), 'k'), 'v')
    t.same((await table.owners()).map(String), ['alice@example.org'])
  },

  'the last write wins, also within a commit; delete removes': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    await storage.commit([table.put(alice, 'a', 1), table.put(alice, 'a', 2), table.put(alice, 'b', 1)])
    t.equal(await table.get(alice, 'a'), 2)
    await storage.commit([table.put(alice, 'a', 3), table.delete(alice, 'a'), table.delete(alice, 'missing')])
    t.equal(await table.get(alice, 'a'), undefined)
    t.equal(await table.get(alice, 'b'), 1)
  },

  'one write deletes many rows, in its turn among the writes of a commit, and all or none': async (
    t,
    { storage },
  ) => {
    const table = storage.table<number>('things', 'lww')
    const keys = [...UNICODE, ...Array.from({ length: 200 }, (_, n) => `k${n}`)]
    await storage.commit([
      ...keys.map((key, n) => table.put(alice, key, n)),
      table.put(bob, 'k1', -1),
      storage.table('others', 'lww').put(alice, 'k1', -1),
    ])
    const tooLong = table.delete(alice, 'k1', 'k'.repeat(1025))
    await t.rejects(storage.commit([table.delete(alice, 'k2'), tooLong]), { code: 'too-large' })
    t.equal(await table.get(alice, 'k1'), keys.indexOf('k1'))
    const goes = keys.filter(key => key !== 'a' && key !== 'k1')
    await storage.commit([
      table.put(alice, 'k3', 0),
      table.delete(alice, ...goes, 'missing'),
      table.delete(alice),
      table.put(alice, 'k7', 0),
    ])
    t.same(await keysOf(table, {}), ['a', 'k1', 'k7'])
    t.equal(await table.get(alice, 'k7'), 0)
    t.equal(await table.get(bob, 'k1'), -1)
    t.equal(await storage.table('others', 'lww').get(alice, 'k1'), -1)
  },

  'an item is copied when the write is made': async (t, { storage }) => {
    const table = storage.table<{ n: number }>('things', 'lww')
    const item = { n: 1 }
    const write = table.put(alice, 'k', item)
    item.n = 2
    await storage.commit([write])
    const got = await table.get(alice, 'k')
    t.same(got, { n: 1 })
    got!.n = 3
    t.same(await table.get(alice, 'k'), { n: 1 })
  },

  'unicode keys and items': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    await storage.commit(UNICODE.map(key => table.put(alice, key, `${key}!`)))
    for (const key of UNICODE) t.equal(await table.get(alice, key), `${key}!`)
    const bytewise = [...UNICODE].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    t.same([...UNICODE].sort(compareKeys), bytewise)
    t.same(await keysOf(table, {}), bytewise)
    t.same(await keysOf(table, { reverse: true }), bytewise.toReversed())
    t.same(await keysOf(table, { prefix: '\u{1f642}' }), ['\u{1f642}', '\u{1f642}\u{1f642}'])
    for (const prefix of ['\ud7ff', '\u{10ffff}']) t.same(await keysOf(table, { prefix }), [prefix])
    t.same(await keysOf(table, { after: '\uffff' }), bytewise.slice(bytewise.indexOf('\uffff') + 1))
  },

  'values of 1 MB, more than fit in a page': async (t, { storage }) => {
    const table = storage.table<string>('things', 'lww')
    const big = (n: number) => String(n).repeat(1_000_000)
    await storage.commit(Array.from({ length: 9 }, (_, n) => table.put(alice, `k${n}`, big(n))))
    const got = new Map<string, string>()
    let pages = 0
    for (let after = ''; ; pages++) {
      const page = await table.page(alice, { after }, 100)
      for (const { key, item } of page.items) got.set(key, item)
      if (!page.more) break
      after = page.items.at(-1)!.key
    }
    t.ok(pages > 0, 'one page did not hold them all')
    t.equal(got.size, 9)
    for (const [key, item] of got) t.ok(item === big(Number(key.slice(1))), key)
  },

  'pages forward and backward over 1,000 rows, without gap or repeat': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    const keys = Array.from({ length: 1000 }, (_, n) => `k${String(n).padStart(4, '0')}`)
    await storage.commit(keys.map((key, n) => table.put(alice, key, n)))
    await storage.commit([
      table.put(bob, 'k0500', -1),
      storage.table('others', 'lww').put(alice, 'k0500', -1),
    ])
    for (const limit of [1, 7, 100, 999, 1000]) {
      const forward: Entry<number>[] = []
      for (let more = true; more; ) {
        const after = forward.at(-1)?.key
        const page = await table.page(alice, after === undefined ? {} : { after }, limit)
        forward.push(...page.items)
        more = page.more
        if (limit === 1 && forward.length === 20) break
      }
      t.same(
        forward.map(({ item }) => item),
        keys.map((_, n) => n).slice(0, forward.length),
        `forward by ${limit}`,
      )
      const backward: Entry<number>[] = []
      for (let more = true; more; ) {
        const before = backward.at(-1)?.key
        const page = await table.page(
          alice,
          { reverse: true, ...(before !== undefined && { before }) },
          limit,
        )
        backward.push(...page.items)
        more = page.more
        if (limit === 1 && backward.length === 20) break
      }
      const down = keys.toReversed().slice(0, backward.length)
      t.same(
        backward.map(({ key }) => key),
        down,
        `backward by ${limit}`,
      )
    }
    t.same(await keysOf(table, { after: 'k0500', before: 'k0503' }), ['k0501', 'k0502'])
    t.same(await keysOf(table, { prefix: 'k099', after: 'k0997' }), ['k0998', 'k0999'])
    t.same(await keysOf(table, { prefix: 'k099', before: 'k0992', reverse: true }), ['k0991', 'k0990'])
    t.same(await table.page(alice, { after: 'k0999' }), { items: [], more: false })
  },

  'owners, in order, by pages': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    const owners = Array.from({ length: 250 }, (_, n) => JID.parse(`user${n}@example.org`))
    await storage.commit(owners.flatMap(owner => [table.put(owner, 'a', 1), table.put(owner, 'b', 1)]))
    await storage.commit([storage.table('others', 'lww').put(bob, 'a', 1), table.delete(owners[7]!, 'a')])
    const found: string[] = []
    for (let after: JID | undefined; ; ) {
      const page = await table.owners(after, 60)
      found.push(...page.map(String))
      if (page.length < 60) break
      after = page.at(-1)
    }
    t.same(found, owners.map(String).sort(compareKeys))
  },

  'a row with a time to live is gone in time': async (t, { storage }, clock) => {
    const table = storage.table<string>('things', 'lww')
    await storage.commit([table.put(alice, 'short', 'v', 1000), table.put(alice, 'long', 'v')])
    clock.time += 999
    t.equal(await table.get(alice, 'short'), 'v')
    clock.time += 1
    t.equal(await table.get(alice, 'short'), undefined)
    t.same(await keysOf(table, {}), ['long'])
    await storage.commit([table.put(bob, 'k', 'v', 1000), table.put(alice, 'short', 'again')])
    clock.time += 3_600_000
    await storage.settled()
    t.same((await table.owners()).map(String), ['alice@example.org'])
    t.equal(await table.get(alice, 'short'), 'again', 'a newer row without one stays')
  },

  '100 concurrent updates lose none': async (t, { storage }) => {
    const counters = storage.table<{ n: number }>('counters', 'cas')
    const results = await Promise.all(
      Array.from({ length: 100 }, () => counters.update(alice, 'n', item => ({ n: (item?.n ?? 0) + 1 }))),
    )
    t.same(await counters.get(alice, 'n'), { n: 100 })
    t.equal(new Set(results.map(result => result?.n)).size, 100, 'each saw its own')
  },

  'update makes, changes and removes; refusing writes nothing': async (t, { storage }) => {
    const table = storage.table<{ n: number }>('counters', 'cas')
    t.same(await table.update(alice, 'k', item => ({ n: item === undefined ? 1 : -1 })), { n: 1 })
    const refusal = new Error('no')
    await t.rejects(
      table.update(alice, 'k', () => {
        throw refusal
      }),
      refusal,
    )
    t.same(await table.update(alice, 'k', item => item), { n: 1 })
    t.same(await table.get(alice, 'k'), { n: 1 })
    const changed = await table.update(alice, 'k', item => {
      item!.n = 2
      return item
    })
    t.same(changed, { n: 2 })
    t.same(await table.get(alice, 'k'), { n: 2 }, 'an item changed in place is written')
    t.equal(await table.update(alice, 'k', () => undefined), undefined)
    t.equal(await table.get(alice, 'k'), undefined)
    t.same(await table.owners(), [])
  },

  'a table is of one kind': async (t, { storage }) => {
    storage.table('things', 'lww')
    t.throws(() => storage.table('things', 'cas'), { code: 'invalid' })
    t.throws(() => storage.table('No Name', 'lww'), { code: 'invalid' })
    t.notOk('update' in storage.table('things', 'lww'))
    t.notOk('put' in storage.table('counters', 'cas'))
  },

  'a table and an archive do not have one name': async (t, { storage }) => {
    storage.table('one', 'lww')
    t.throws(() => storage.archive('one'), { code: 'invalid' })
    storage.archive('other')
    t.throws(() => storage.table('other', 'lww'), { code: 'invalid' })
  },

  'keys, limits and ranges that cannot be are refused': async (t, { storage }) => {
    const table = storage.table<number>('things', 'lww')
    for (const [key, code] of [
      ['\ud800', 'invalid'],
      ['a\0b', 'invalid'],
      ['k'.repeat(1025), 'too-large'],
      ['é'.repeat(513), 'too-large'],
    ] as const) {
      await t.rejects(storage.commit([table.put(alice, key, 1)]), { code })
      t.equal(await table.get(alice, key), undefined)
      await t.rejects(
        storage.table<number>('counters', 'cas').update(alice, key, () => 1),
        { code },
      )
    }
    const longest = 'é'.repeat(512)
    await storage.commit([table.put(alice, longest, 1)])
    t.equal(await table.get(alice, longest), 1)
    for (const limit of [0, -1, 1.5, 1001]) await t.rejects(table.page(alice, {}, limit), { code: 'invalid' })
    await t.rejects(table.page(alice, { after: '\udc00' }), { code: 'invalid' })
    await t.rejects(storage.commit([table.put(alice, 'k', undefined as unknown as number)]), {
      code: 'invalid',
    })
    await t.rejects(storage.commit([table.put(alice, 'k', 1, -5)]), { code: 'invalid' })
  },

  'reopening keeps rows and kinds': async (t, opened) => {
    const table = opened.storage.table<number>('things', 'lww')
    await opened.storage.commit([table.put(alice, 'k', 1), table.put(bob, 'k', 2)])
    await opened.storage.table<number>('counters', 'cas').update(alice, 'n', () => 7)
    const storage = await opened.reopen()
    t.equal(await storage.table<number>('things', 'lww').get(bob, 'k'), 2)
    t.equal(await storage.table<number>('counters', 'cas').get(alice, 'n'), 7)
    t.throws(() => storage.table('counters', 'lww'), { code: 'invalid' })
    await storage.close()
  },
}

async function keysOf(table: ReadableTable<unknown>, range: KeyRange): Promise<string[]> {
  return (await table.page(alice, range, 1000)).items.map(({ key }) => key)
}
