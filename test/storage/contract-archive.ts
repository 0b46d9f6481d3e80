import type { Append, Archive, ArchiveEntry, ArchiveQuery, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import { type Lines, NOON } from './contract.ts'
import { againstPlainList } from './contract-archive-model.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const carol = JID.parse('carol@example.org')
const DAY = 86_400_000

/** Lines about archives. */
export const archiveContract: Lines = {
  'one stanza in the archives of both sides, each with its own view': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const payload = Buffer.from('<message><body>hello</body></message>')
    const sent = archive.append(alice, { peer: bob, payload })
    const received = archive.append(bob, { peer: alice, payload })
    t.equal(sent.owner, alice)
    await storage.commit([sent, received])
    const [mine] = (await archive.page(alice)).items
    const [theirs] = (await archive.page(bob)).items
    t.match(mine, { id: sent.id, time: NOON })
    t.match(theirs, { id: received.id, time: NOON })
    t.equal(mine!.peer.toString(), 'bob@example.org')
    t.equal(theirs!.peer.toString(), 'alice@example.org')
    for (const entry of [mine, theirs]) t.same(Buffer.from(entry!.payload), payload)
    t.same((await archive.page(carol)).items, [], "another owner's items are never seen")
    t.same((await storage.archive('rooms').page(alice)).items, [], 'nor those of another archive')
  },

  'a message to oneself is one item': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const payload = Buffer.from('note')
    const writes = [
      archive.append(alice, { peer: alice, payload }),
      archive.append(alice, { peer: alice, payload }),
    ]
    await storage.commit(writes)
    t.equal(writes[0]!.id, writes[1]!.id)
    t.equal((await archive.page(alice, { count: true })).total, 1)
  },

  'one payload for many owners; equal payloads that are not one': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const payload = Buffer.from('to all')
    const owners = Array.from({ length: 5 }, (_, n) => JID.parse(`user${n}@example.org`))
    await storage.commit(owners.map(owner => archive.append(owner, { peer: bob, payload })))
    for (const owner of owners) t.equal((await archive.page(owner)).items.length, 1)
    const twins = [1, 2].map(() => archive.append(alice, { peer: bob, payload: Buffer.from('twin') }))
    await storage.commit(twins)
    t.ok(twins[0]!.id < twins[1]!.id)
    t.equal((await archive.page(alice)).items.length, 2)
  },

  'empty and large payloads': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const payloads = [Buffer.alloc(0), Buffer.alloc(1_000_000, 7), Buffer.alloc(0), Buffer.from([0, 255, 0])]
    await storage.commit(payloads.map(payload => archive.append(alice, { peer: bob, payload })))
    const { items } = await archive.page(alice)
    t.same(
      items.map(({ payload }) => payload.byteLength),
      [0, 1_000_000, 0, 3],
    )
    t.ok(items.every(({ payload }, n) => payloads[n]!.equals(payload)))
    await t.rejects(
      storage.commit([archive.append(alice, { peer: bob, payload: Buffer.alloc(8 * 1024 * 1024 + 1) })]),
      { code: 'too-large' },
    )
  },

  'a page of large payloads is shorter than its limit': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const writes = Array.from({ length: 9 }, (_, n) =>
      archive.append(alice, { peer: bob, payload: Buffer.alloc(1_000_000, n) }),
    )
    await storage.commit(writes)
    const { items } = await pageThrough(archive, alice, {}, 100)
    t.same(
      items.map(({ payload }) => payload[0]),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    )
    t.equal((await archive.page(alice)).more, true)
  },

  'items that contain some bytes, among few and among many': async (t, { storage }) => {
    const archive = storage.archive('mam')
    for (const [peer, count] of [
      [bob, 40],
      [carol, 1_300],
    ] as const) {
      const texts = Array.from(
        { length: count },
        (_, n) => `${peer.local} <${n}> ${n % 7 === 0 ? '\u00fc' : ''}`,
      )
      const writes = texts.map(text => archive.append(alice, { peer, payload: Buffer.from(text) }))
      await storage.commit(writes)
      if (peer === carol) await storage.settled()
      const of = (part: string) => ({ containing: [Buffer.from(part)] })
      const found = async (query: ArchiveQuery) =>
        (await pageThrough(archive, alice, query, 100)).items.map(({ payload }) =>
          Buffer.from(payload).toString(),
        )
      t.strictSame(await found({ peer, ...of('<17>') }), [texts[17]])
      t.strictSame(await found({ ...of(`${peer.local} <3>`) }), [texts[3]])
      t.strictSame(
        await found({ peer, containing: [Buffer.from('<30>'), Buffer.from('<21>')] }),
        [texts[21], texts[30]],
        'one of them',
      )
      t.strictSame(
        await found({ peer, ...of('\u00fc') }),
        texts.filter(text => text.endsWith('\u00fc')),
      )
      t.strictSame(await found({ peer, ...of('nothing') }), [])
      t.strictSame(await found({ peer: peer.withResource('x'), ...of('<1>') }), [])
      const newest = await archive.page(alice, { peer, ...of('\u00fc'), reverse: true, limit: 1 })
      t.equal(
        Buffer.from(newest.items[0]!.payload).toString(),
        texts.findLast(text => text.endsWith('\u00fc')),
      )
      t.equal(newest.more, true)
      const id = newest.items[0]!.id
      t.strictSame((await archive.page(alice, { ids: [id], ...of('nothing') })).items, [])
      const { total } = await archive.page(alice, { peer, ...of('<1>'), count: true })
      t.equal(total, undefined, 'not counted')
    }
  },

  'ids grow in the order of the commits, in the same millisecond too': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const appends: Append[] = []
    const commits: Promise<void>[] = []
    for (let n = 0; n < 3000; n++) {
      const append = archive.append(alice, { peer: bob, payload: Buffer.from(String(n)) })
      appends.push(append)
      commits.push(storage.commit([append]))
    }
    await Promise.all(commits)
    const ids = appends.map(({ id }) => id)
    t.ok(ids.every((id, n) => id > 0n && id < 2n ** 63n && (n === 0 || id > ids[n - 1]!)))
    const { items } = await pageThrough(archive, alice, {}, 1000)
    t.same(
      items.map(({ payload }) => Buffer.from(payload).toString()),
      ids.map((_, n) => String(n)),
    )
    t.ok(items.every(({ time }) => time >= NOON && time < NOON + 1000))
  },

  'ids go on growing when the clock is set back, and after reopening': async (t, opened, clock) => {
    let storage = opened.storage
    const ids: bigint[] = []
    for (const time of [NOON, NOON - 40 * DAY, NOON + 1, NOON - 1]) {
      clock.time = time
      ids.push(await append(storage, alice, 'x'))
    }
    storage = await opened.reopen()
    clock.time = NOON - DAY
    ids.push(await append(storage, alice, 'x'))
    t.ok(
      ids.every((id, n) => n === 0 || id > ids[n - 1]!),
      String(ids),
    )
    const { items } = await storage.archive('mam').page(alice)
    t.same(
      items.map(({ id }) => id),
      ids,
    )
    t.ok(items.every(({ time }, n) => n === 0 || time >= items[n - 1]!.time))
    await storage.close()
  },

  'pages forward and backward over 1,000 items, without gap or repeat': async (t, { storage }, clock) => {
    const archive = storage.archive('mam')
    const ids: bigint[] = []
    for (let n = 0; n < 1000; n += 20) {
      // Over several months, some items in the index and some not.
      clock.time += 3 * DAY
      const appends = Array.from({ length: 20 }, (_, k) =>
        archive.append(alice, { peer: bob, payload: Buffer.from(`${n + k}`) }),
      )
      await storage.commit([...appends, archive.append(carol, { peer: bob, payload: Buffer.from('other') })])
      ids.push(...appends.map(({ id }) => id))
      if (n === 700) await storage.settled()
    }
    for (const limit of [7, 100, 1000]) {
      const forward = await pageThrough(archive, alice, {}, limit)
      t.same(
        forward.items.map(({ id }) => id),
        ids,
        `forward by ${limit}`,
      )
      t.equal(forward.pages, Math.ceil(1000 / limit))
      const backward = await pageThrough(archive, alice, { reverse: true }, limit)
      t.same(
        backward.items.map(({ id }) => id),
        ids.toReversed(),
        `backward by ${limit}`,
      )
    }
    t.equal((await archive.page(alice, { limit: 10, count: true, after: ids[990]! })).total, 9)
    t.same(await archive.page(alice, { limit: 0, count: true }), { items: [], more: true, total: 1000 })
    await t.rejects(archive.page(alice, { limit: 1001 }), { code: 'invalid' })
  },

  'one peer among many, in an archive of 10,000 items': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const peerOf = (n: number) => (n % 1000 === 7 ? carol : bob)
    for (let n = 0; n < 10_000; n += 2000) {
      const numbers = Array.from({ length: 2000 }, (_, k) => n + k)
      await storage.commit(
        numbers.map(k => archive.append(alice, { peer: peerOf(k), payload: Buffer.from(String(k)) })),
      )
      if (n === 6000) await storage.settled()
    }
    const texts = (items: readonly ArchiveEntry[]) => items.map(({ payload }) => Number(Buffer.from(payload)))
    const all = Array.from({ length: 10 }, (_, n) => n * 1000 + 7)
    for (const limit of [3, 9, 10, 11]) {
      t.same(texts((await pageThrough(archive, alice, { peer: carol }, limit)).items), all)
      const down = await pageThrough(archive, alice, { peer: carol, reverse: true }, limit)
      t.same(texts(down.items), all.toReversed())
    }
    t.equal((await archive.page(alice, { peer: carol, count: true, limit: 0 })).total, 10)
    t.equal((await archive.page(alice, { peer: bob, count: true, limit: 0 })).total, 9990)
    t.equal((await archive.page(alice, { count: true, limit: 1, reverse: true })).total, 10_000)
  },

  'queries with ids': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const mine: bigint[] = []
    for (const text of ['a', 'b', 'c']) mine.push(await append(storage, alice, text))
    const other = await append(storage, carol, 'd')
    const ids = [mine[2]!, other, mine[0]!, 1n, 2n ** 63n - 1n]
    t.same(
      (await archive.page(alice, { ids })).items.map(({ id }) => id),
      [mine[0], mine[2]],
    )
    t.same(await archive.page(alice, { ids, reverse: true, limit: 1 }), {
      items: [(await archive.page(alice, { ids: [mine[2]!] })).items[0]],
      more: true,
    })
    t.equal((await archive.page(alice, { ids, count: true, peer: bob, after: mine[1]! })).total, 1)
    t.same((await archive.page(alice, { ids: [] })).items, [])
    await t.rejects(archive.page(alice, { ids: Array.from({ length: 1001 }, () => 1n) }), { code: 'invalid' })
  },

  'ids that nobody gave': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const id = await append(storage, alice, 'a')
    for (const after of [-1n, 0n, id - 1n]) t.equal((await archive.page(alice, { after })).items.length, 1)
    // Of back ends with small ids and with large ones.
    const far = [2n ** 53n, 2n ** 63n - 1n, 2n ** 64n].filter(one => one > id)
    for (const after of [id, ...far]) t.equal((await archive.page(alice, { after })).items.length, 0)
    for (const before of [id + 1n, ...far]) t.equal((await archive.page(alice, { before })).items.length, 1)
    for (const before of [id, 1n, 0n, -5n]) t.equal((await archive.page(alice, { before })).items.length, 0)
    t.same(await archive.page(JID.parse('nobody@example.org'), { count: true }), {
      items: [],
      more: false,
      total: 0,
    })
    t.same(await archive.page(alice, { peer: JID.parse('nobody@example.org'), count: true }), {
      items: [],
      more: false,
      total: 0,
    })
  },

  'any query answers as a plain list would': async (t, { storage }, clock) => {
    await againstPlainList(t, storage, clock)
  },
}

/** Commits one item of an owner with bob and returns its id. */
async function append(storage: Storage, owner: JID, text: string): Promise<bigint> {
  const write = storage.archive('mam').append(owner, { peer: bob, payload: Buffer.from(text) })
  await storage.commit([write])
  return write.id
}

/** Follows `more` to the end. */
async function pageThrough(archive: Archive, owner: JID, query: ArchiveQuery, limit: number) {
  const items: ArchiveEntry[] = []
  for (let pages = 1; ; pages++) {
    const last = items.at(-1)?.id
    const place = last === undefined ? {} : query.reverse ? { before: last } : { after: last }
    const page = await archive.page(owner, { ...query, ...place, limit })
    items.push(...page.items)
    if (!page.more) return { items, pages }
  }
}
