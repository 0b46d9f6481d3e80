import type { Append, ArchiveItem, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { Lines } from './contract.ts'

const alice = JID.parse('alice@example.org')
const bob = JID.parse('bob@example.org')
const carol = JID.parse('carol@example.org')
const room = JID.parse('room@rooms.example.org')
const payload = Buffer.from('x')

/** Lines about the numbers that a commit gives. */
export const countContract: Lines = {
  'items with a peer are counted from 1, and those that count as unread': async (t, { storage }) => {
    const bobs = ['bob@example.org', 'bob@example.org/phone', 'bob@example.org/laptop'].map(text =>
      JID.parse(text),
    )
    const given: string[] = []
    for (const [n, peer] of [...bobs, carol, ...bobs].entries())
      given.push(show(await append(storage, alice, { peer, payload, unread: n % 2 === 1 })))
    t.strictSame(given, ['1/0', '2/1', '3/1', '1/1', '4/1', '5/2', '6/2'], 'resources count together')
    t.equal(show(await append(storage, bob, { peer: alice, payload })), '1/0', 'each owner has its own')
    const { items } = await storage.archive('mam').page(alice)
    t.strictSame(items.map(show), given, 'pages bring them')
    t.equal(show(await append(storage, alice, { peer: bob, payload }, 'rooms')), '1/0', 'and each archive')
  },

  'both sides of a message count it, a message to oneself once': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const both = [
      archive.append(alice, { peer: bob, payload }),
      archive.append(bob, { peer: alice, payload, unread: true }),
    ]
    await storage.commit(both)
    t.strictSame(both.map(show), ['1/0', '1/1'])
    const own = [
      archive.append(alice, { peer: alice, payload }),
      archive.append(alice, { peer: alice, payload }),
    ]
    await storage.commit(own)
    t.strictSame(own.map(show), ['1/0', '1/0'])
    t.equal(show(await append(storage, alice, { peer: alice, payload })), '2/0')
  },

  'a room counts all that is said in it': async (t, { storage }) => {
    const given: string[] = []
    for (const nick of ['a', 'b', 'a', 'c']) {
      const item = { peer: room.withResource(nick), payload, counted: 'owner', unread: nick !== 'c' } as const
      given.push(show(await append(storage, room, item)))
    }
    t.strictSame(given, ['1/1', '2/2', '3/3', '4/3'])
  },

  'numbers have no gap, however many commits are under way and some fail': async (t, { storage }) => {
    const archive = storage.archive('mam')
    const table = storage.table<string>('things', 'lww')
    const commits: Promise<Append | undefined>[] = []
    for (let n = 0; n < 600; n++) {
      const one = archive.append(alice, {
        peer: n % 3 === 0 ? carol : bob,
        payload: Buffer.from(`${n}`),
        unread: true,
      })
      const bad = n % 10 === 9
      const writes = bad ? [one, table.put(alice, 'k'.repeat(2000), 'x')] : [one]
      commits.push(
        storage.commit(writes).then(
          () => one,
          () => undefined,
        ),
      )
      if (n % 50 === 0) await commits[n]
    }
    const stored = (await Promise.all(commits)).filter(one => one !== undefined)
    t.equal(stored.length, 540)
    for (const peer of [bob, carol]) {
      const { items } = await archive.page(alice, { peer, limit: 1000 })
      t.strictSame(
        items.map(show),
        items.map((_, n) => `${n + 1}/${n + 1}`),
      )
    }
  },

  'numbers go on after an erasure, and after reopening': async (t, opened, clock) => {
    const give = (storage: Storage) => append(storage, alice, { peer: bob, payload, unread: true })
    for (let n = 1; n <= 3; n++) t.equal(show(await give(opened.storage)), `${n}/${n}`)
    await opened.storage.archive('mam').purge(alice)
    t.equal(show(await give(opened.storage)), '4/4')
    clock.time += 90 * 86_400_000
    await opened.storage.archive('mam').expire(clock.time)
    let storage = await opened.reopen()
    t.equal(show(await give(storage)), '5/5', 'all that was counted had been erased')
    await storage.close()
    storage = await opened.reopen()
    t.equal(show(await give(storage)), '6/6')
    await storage.forget(alice)
    t.equal(show(await give(storage)), '1/1', 'one that was forgotten starts anew')
    await storage.close()
  },

  'numbers are not known before the commit has resolved': async (t, { storage }) => {
    const one = storage.archive('mam').append(alice, { peer: bob, payload })
    for (const name of ['id', 'sequence', 'unread', 'repeated'] as const)
      t.throws(() => one[name], { code: 'invalid' }, name)
    await storage.commit([one])
    t.equal(one.repeated, false)
  },
}

async function append(storage: Storage, owner: JID, item: ArchiveItem, archive = 'mam'): Promise<Append> {
  const write = storage.archive(archive).append(owner, item)
  await storage.commit([write])
  return write
}

function show({ sequence, unread }: Pick<Append, 'sequence' | 'unread'>): string {
  return `${sequence}/${unread}`
}
