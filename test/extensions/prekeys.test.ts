/** docs/protocol/prekeys.md: no key is given twice, whatever becomes of commits. What clients see is in the dialogues 0384-prekeys. */
import fc from 'fast-check'
import t from 'tap'
import prekeys from '../../src/extensions/prekeys/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { type Storage, StorageError } from '../../src/storage/types.ts'
import { copyOf, type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'
import { KeyMaker } from '../support/signal-keys.ts'

const ALICE = JID.parse('alice@localhost')
const MANY = {
  'claims-per-hour': 1_000_000,
  'claims-per-contact': 1_000_000,
  'uploads-per-hour': 1_000_000,
  few: 0,
}
const TABLES = ['prekey-devices', 'prekeys', 'prekey-claims', 'prekey-accounts'] as const

/** What becomes of a commit. */
type Fate = 'stored' | 'refused' | 'stored, and nobody hears of it' | 'stored late, and nobody hears of it'

/** A storage whose next commits have these fates; when there are no more all is well. */
function fateful(inner: Storage, fates: Fate[]): Storage {
  const late: (() => Promise<void>)[] = []
  const commit: Storage['commit'] = async writes => {
    const fate = fates.shift() ?? 'stored'
    const unclear = new StorageError('unavailable', 'of a test')
    if (fate === 'refused') throw unclear
    if (fate === 'stored late, and nobody hears of it') {
      late.push(() => inner.commit(writes))
      throw unclear
    }
    await inner.commit(writes)
    // What was sent before and was not heard of arrives now.
    for (const one of late.splice(0)) await one()
    if (fate !== 'stored') throw unclear
  }
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'commit') return commit
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

let id = 0

/** Sends a request and gives the answer, once all is done. */
async function ask(
  server: ReturnType<typeof core>,
  session: TestSession,
  child: Element,
  attributes: Record<string, string> = {},
): Promise<string> {
  const own = `a${++id}`
  await session.send('iq', { type: 'set', id: own, ...attributes }, child)
  await server.settled()
  return session.received.find(text => text.includes(`id="${own}"`)) ?? ''
}

function claim(): Element {
  return xml('claim', { xmlns: NS.prekeys })
}

function givenIn(answer: string): string[] {
  return [...answer.matchAll(/<(one-time|kyber) id="(\d+)"/g)].map(([, kind, id]) => `${kind} ${id}`)
}

t.test('whatever becomes of commits, no key is given twice, and none that was given comes back', async t => {
  const fate = fc.constantFrom<Fate>(
    'stored',
    'refused',
    'stored, and nobody hears of it',
    'stored late, and nobody hears of it',
  )
  const maker = new KeyMaker(1)
  const first = maker.publish(...maker.first(1, 10), ...maker.keys(1, 6))
  const second = maker.publish(...maker.keys(11, 16))
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 20 }), async fates => {
      const pending: Fate[] = []
      const storage = fateful(memoryStorage({ clock: new ManualClock() }), pending)
      const server = core({ storage, extensions: [prekeys], options: { prekeys: MANY } })
      const alice = await server.session('alice', 'a')
      const bob = await server.session('bob', 'b')
      const given: string[] = []
      const claims = async (): Promise<void> => {
        pending.push(...fates)
        for (let i = 0; i < 12; i++)
          given.push(...givenIn(await ask(server, bob, claim(), { to: 'alice@localhost' })))
        pending.splice(0)
      }
      // Uploads are tried until the device hears that they are stored.
      for (const keys of [first, second]) {
        pending.push(...fates.filter(one => !one.includes('late')).slice(0, 3))
        while (!(await ask(server, alice, copyOf(keys))).includes('type="result"'));
        pending.splice(0)
        await claims()
        // What was given, or may have been, is uploaded once more.
        await ask(server, alice, copyOf(first))
      }
      await claims()
      if (new Set(given).size !== given.length) throw new Error(`given twice: ${given}`)
      if (fates.length === 0 && given.length !== 24) throw new Error(`lost without a reason: ${given}`)
    }),
    { numRuns: 60, examples: [[[]]] },
  )
  t.pass('60 runs')
})

t.test('an account that is removed leaves nothing', async t => {
  const server = core({ extensions: [prekeys], options: { prekeys: MANY } })
  const alice = await server.session('alice', 'a')
  const bob = await server.session('bob', 'b')
  const maker = new KeyMaker(1)
  t.match(await ask(server, alice, maker.publish(...maker.first(), ...maker.keys(2, 4))), 'type="result"')
  t.match(await ask(server, bob, claim(), { to: 'alice@localhost' }), '<kyber id="2"')
  const rows = async (): Promise<number[]> => {
    const pages = TABLES.map(name => server.storage.table<unknown>(name, 'lww').page(ALICE))
    return (await Promise.all(pages)).map(({ items }) => items.length)
  }
  t.same(await rows(), [1, 4, 1, 1])
  // One that is under way when the account goes is not stored.
  const late = alice.send('iq', { type: 'set', id: 'late' }, maker.publish(...maker.keys(5, 6)))
  await server.routers[0]!.atHome.forget(ALICE)
  await late.catch(() => {})
  await server.settled()
  t.same(await rows(), [0, 0, 0, 0])
})

t.test('of many devices that were removed one line is remembered', async t => {
  const server = core({ extensions: [prekeys], options: { prekeys: MANY } })
  const alice = await server.session('alice', 'a')
  const remove = (device: number) => xml('remove', { xmlns: NS.prekeys, device: String(device) })
  for (let device = 1; device <= 103; device++) {
    const maker = new KeyMaker(device)
    const keys = maker.publish(...maker.first(1, 500 + device), maker.oneTimeKey(device))
    t.match(await ask(server, alice, keys), 'type="result"')
    t.match(await ask(server, alice, remove(device)), 'type="result"')
  }
  const table = server.storage.table<unknown>('prekey-devices', 'lww')
  t.equal((await table.page(ALICE, {}, 1_000)).items.length, 100)
  const known = new KeyMaker(103)
  const unknown = new KeyMaker(1)
  const answer = await ask(server, alice, unknown.publish(...unknown.first(1, 503)))
  t.match(answer, 'not-acceptable', 'the three that were removed first had numbers up to 503')
  t.match(await ask(server, alice, unknown.publish(...unknown.first(1, 504))), 'greatest-one-time="3"')
  t.match(await ask(server, alice, known.publish(...known.first(1, 603))), 'not-acceptable')
  t.match(await ask(server, alice, known.publish(...known.first(1, 604))), 'greatest-one-time="103"')
})

t.test('what is no key of Kyber', async t => {
  const server = core({ extensions: [prekeys], options: { prekeys: MANY } })
  const alice = await server.session('alice', 'a')
  const maker = new KeyMaker(1)
  for (const fill of [0x00, 0xff]) {
    const bytes = Buffer.alloc(1_569, fill)
    bytes[0] = 8
    const signature = Buffer.from(maker.identity.privateKey.sign(bytes)).toString('base64')
    const bad = xml('kyber', { id: '2', signature }, bytes.toString('base64'))
    const answer = await ask(server, alice, maker.publish(...maker.first(), bad))
    t.match(answer, /not-acceptable.*key 2 is no key of Kyber/, `signed, but all ${fill}`)
  }
})
