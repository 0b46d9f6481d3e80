/** XEP-0424, XEP-0333: what is retracted, or marked, is found however much has been written since. */
import t, { type Test } from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { type Archive, type Storage, StorageError } from '../../src/storage/types.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from '../support/clock.ts'
import { core } from '../support/core.ts'

const [ALICE, BOB] = ['alice', 'bob'].map(name => JID.parse(`${name}@localhost`)) as [JID, JID]
/** More than are looked through at once, and than were looked through in all some day. */
const MANY = 2_500

const BACK_ENDS: Readonly<Record<string, (t: Test, clock: ManualClock) => Storage | Promise<Storage>>> = {
  memory: (_, clock) => memoryStorage({ clock }),
  sqlite: async (t, clock) => {
    const storage = await openSqlite({ folder: t.testdir(), clock })
    t.teardown(() => storage.close())
    return storage
  },
}

/** Alice has written the message `old` to bob, and since then both have written a lot. */
async function longConversation(t: Test, back: keyof typeof BACK_ENDS, clock = new ManualClock()) {
  const storage = await BACK_ENDS[back]!(t, clock)
  const archive = storage.archive('messages')
  const both = (from: JID, to: JID, id: string, ...more: Element[]) => {
    const attributes = { from: from.withResource('1'), to, id }
    const message = Stanza.build('message', attributes, xml('body', {}, id), ...more)
    const payload = message.pack()
    return [ALICE, BOB].map(owner =>
      archive.append(owner, { peer: owner === from ? to : from.withResource('1'), payload }),
    )
  }
  await storage.commit(both(ALICE, BOB, 'old'))
  for (let n = 0; n < MANY; n++) {
    void storage.commit(both(n % 2 ? ALICE : BOB, n % 2 ? BOB : ALICE, `m${n}`))
    if (n % 1_000 === 500) void storage.commit(both(ALICE, BOB, 'corrected', correction('old')))
  }
  // Bob's has the same id, and is newer.
  await storage.commit(both(BOB, ALICE, 'old'))
  await storage.settled()
  const server = core({ extensions, clock, storage })
  /** What the archives of alice and bob hold under the id `old`, and how far back. */
  const found = async () =>
    Promise.all(
      [ALICE, BOB].map(async owner => {
        const { items } = await archive.page(owner, { containing: [Buffer.from(' id="old"')], limit: 9 })
        const messages = items.map(({ payload }) => Stanza.unpack(Buffer.from(payload)))
        return messages
          .filter(({ id }) => id === 'old')
          .map(one => (one.has('retracted', NS.retraction) ? 'tombstone' : one.from.local))
      }),
    )
  return { ...server, clock, found, archive }
}

const correction = (id: string) => xml('replace', { xmlns: NS.correction, id })
const retraction = (id: string) => xml('retract', { xmlns: NS.retraction, id })

for (const back of Object.keys(BACK_ENDS)) {
  t.test(`a message far back is retracted: ${back}`, async t => {
    const { session, settled, found, storage, archive } = await longConversation(t, back)
    const alice = await session('alice', '1')
    await alice.send('message', { to: 'bob@localhost', id: 'r' }, retraction('old'))
    await settled()
    t.strictSame(await found(), [
      ['tombstone', 'bob'],
      ['tombstone', 'bob'],
    ])
    for (const owner of [ALICE, BOB]) {
      t.strictSame((await storage.table('retractions', 'lww').page(owner)).items, [], 'nothing is left to do')
      const { items } = await archive.page(owner, { containing: [Buffer.from('>corrected<')] })
      t.strictSame(items, [], 'nor of its corrections')
    }
    await alice.send('message', { to: 'bob@localhost', id: 'r2' }, retraction('nothing'))
    await settled()
    t.strictSame((await storage.table('retractions', 'lww').page(BOB)).items, [], 'nor where there is none')
  })

  t.test(`a marker far back is heeded: ${back}`, async t => {
    const { session, settled, clock, storage, archive } = await longConversation(t, back)
    const bob = await session('bob', '1')
    const displayed = xml('displayed', { xmlns: NS.chatMarkers, id: 'old' })
    await bob.send('message', { to: 'alice@localhost', id: 'd' }, displayed)
    clock.advance(1_000)
    await settled()
    const [first] = (await archive.page(ALICE, { limit: 1 })).items
    const mark = await storage.table('status', 'mark').get(ALICE, 'read bob@localhost')
    t.equal(mark?.value, first?.id)
  })
}

/** A storage that dies before it has looked for anything. */
function dying(storage: Storage): Storage {
  const closed = new StorageError('closed', 'the process has ended')
  const archive = (name: string): Archive => {
    const whole = storage.archive(name)
    return {
      append: whole.append.bind(whole),
      replace: whole.replace.bind(whole),
      page: async (owner, query) =>
        query?.containing === undefined ? whole.page(owner, query) : Promise.reject(closed),
      restore: whole.restore.bind(whole),
      purge: whole.purge.bind(whole),
      expire: whole.expire.bind(whole),
    }
  }
  return new Proxy(storage, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (key === 'archive') return archive
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

t.test('what a crash has left is looked for after the start', async t => {
  const clock = new ManualClock()
  const { storage, found } = await longConversation(t, 'memory', clock)
  const before = core({ extensions, clock, storage: dying(storage) })
  const alice = await before.session('alice', '1')
  await alice.send('message', { to: 'bob@localhost', id: 'r' }, retraction('old'))
  await before.settled()
  const still = ['alice', 'bob']
  t.strictSame(await found(), [still, still])
  const next = core({ extensions, clock, storage })
  clock.advance(60_000)
  await next.settled()
  const done = ['tombstone', 'bob']
  t.strictSame(await found(), [done, done])
})
