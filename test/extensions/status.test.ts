import fc from 'fast-check'
import t from 'tap'
import type { Host } from '../../src/core/host.ts'
import type { Unacknowledged } from '../../src/core/unacknowledged.ts'
import { Collector } from '../../src/extensions/status/collector.ts'
import { Marks, type Reached, type State } from '../../src/extensions/status/marks.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { Archive, ArchiveEntry } from '../../src/storage/types.ts'
import { xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { Stanza } from '../../src/xml/stanza.ts'
import { ManualClock } from '../support/clock.ts'

const ALICE = JID.parse('alice@localhost')
const BOB = JID.parse('bob@localhost')
const CAROL = JID.parse('carol@localhost')
const MESSAGES = 12

const message = (from: JID, to: JID, id: string) =>
  Stanza.build('message', { from: from.withResource('1'), to, type: 'chat', id }, xml('body', {}, id))

/** An archive of alice in which she and bob, and she and carol, write in turn; `ids` are those of what she has written to bob. */
async function conversation() {
  const clock = new ManualClock()
  const storage = memoryStorage({ clock })
  const archive = storage.archive('messages')
  const ids: bigint[] = []
  const add = async (peer: JID, stanza: Stanza) => {
    const append = archive.append(ALICE, { peer, payload: stanza.pack() })
    await storage.commit([append])
    return append.id
  }
  for (let i = 0; i < MESSAGES; i++) {
    ids.push(await add(BOB, message(ALICE, BOB, `m${i}`)))
    await add(BOB, message(BOB, ALICE, `b${i}`))
    await add(CAROL, message(ALICE, CAROL, `c${i}`))
    clock.advance(60_000)
  }
  let searches = 0
  const page = archive.page.bind(archive)
  storage.archive = () =>
    Object.assign(archive, {
      page: (...asked: Parameters<Archive['page']>) => {
        searches++
        return page(...asked)
      },
    })
  return { clock, ids, marks: new Marks({ storage } as unknown as Host), searches: () => searches }
}

/** Any id: of a message of alice's to bob, of bob's own, of one to somebody else, of none. */
const anyId = fc.oneof(
  { weight: 4, arbitrary: fc.nat(MESSAGES - 1).map(i => `m${i}`) },
  fc.nat(MESSAGES - 1).map(i => `b${i}`),
  fc.nat(MESSAGES - 1).map(i => `c${i}`),
  fc.constant('nothing'),
)
const anyNews = fc.record({
  delivered: fc.array(anyId, { maxLength: 3 }),
  read: fc.array(anyId, { maxLength: 2 }),
})

/** The greatest number among ids of alice's messages to bob; -1 for none. */
const newest = (ids: readonly string[]) =>
  Math.max(-1, ...ids.filter(id => id.startsWith('m')).map(id => Number(id.slice(1))))

t.test('marks only move forward, whatever comes in which order', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyNews, { minLength: 1, maxLength: 12 }), async all => {
      const { clock, ids, marks } = await conversation()
      const model: Record<State, { at: number; time: number }> = {
        delivered: { at: -1, time: 0 },
        read: { at: -1, time: 0 },
      }
      for (const { delivered, read } of all) {
        clock.advance(1_000)
        const time = clock.now()
        const news: Reached = {
          peer: 'bob@localhost',
          time,
          delivered: delivered.map(id => ({ id })),
          read: read.map(id => ({ id })),
        }
        await marks.reach(ALICE, news)
        const seen = { delivered: newest([...delivered, ...read]), read: newest(read) }
        for (const state of ['delivered', 'read'] as const)
          if (seen[state] > model[state].at) model[state] = { at: seen[state], time }
        const progress = await marks.progress(ALICE, 'bob@localhost')
        for (const state of ['delivered', 'read'] as const) {
          const { at, time } = model[state]
          const expected = at < 0 ? undefined : { value: ids[at]!, time }
          if (progress[state]?.value !== expected?.value || progress[state]?.time !== expected?.time)
            throw new Error(`${state} is at ${progress[state]?.value}, not at ${expected?.value}`)
        }
      }
      const { delivered, read } = await marks.progress(ALICE, 'carol@localhost')
      if (delivered !== undefined || read !== undefined) throw new Error('somebody else has a mark')
    }),
    { numRuns: 60 },
  )
  t.pass('60 histories')
})

t.test('a message is found by its time, however many are newer', async t => {
  const { ids, marks, clock } = await conversation()
  const first = clock.now() - MESSAGES * 60_000
  t.equal(await marks.find(ALICE, 'bob@localhost', { id: 'm0', time: first }), ids[0])
  t.equal(await marks.find(ALICE, 'bob@localhost', { id: 'm9', time: first }), undefined, 'not at that time')
  t.equal(await marks.find(ALICE, 'carol@localhost', { id: 'm0' }), undefined, 'not in that conversation')
})

t.test('what comes while a message is looked for is looked for together', async t => {
  const { ids, marks, searches } = await conversation()
  const news = (delivered: string[], read: string[], time: number): Promise<void> => {
    const references = (all: string[]) => all.map(id => ({ id }))
    const reached = { time, delivered: references(delivered), read: references(read) }
    return marks.reach(ALICE, { ...reached, peer: 'bob@localhost' })
  }
  const forged = Array.from({ length: 150 }, (_, n) => news([], [`nothing${n}`], 1))
  await Promise.all([news(['m1'], [], 1), news(['m7'], [], 2), news(['m4'], ['m3'], 3), ...forged])
  const { delivered, read } = await marks.progress(ALICE, 'bob@localhost')
  t.equal(delivered?.value, ids[7])
  t.equal(read?.value, ids[3])
  t.ok(searches() <= 4, `${searches()} searches`)
  await news(['m9'], [], 4)
  t.equal((await marks.progress(ALICE, 'bob@localhost')).delivered?.value, ids[9])
})

/** A collector, and what it tells the homes of senders. */
function collecting() {
  const clock = new ManualClock()
  const told: [sender: string, Reached][] = []
  const router = {
    host: (domain: string) => (domain === 'localhost' ? {} : undefined),
    atHome: {
      run: async (_: string, sender: JID, reached: Reached) => void told.push([`${sender}`, reached]),
    },
  }
  const background = { run: () => {} }
  const collector = new Collector({ clock, router, background } as unknown as Host)
  return { clock, told, collector }
}

const given = (stanza: Stanza) => stanza.with({ ids: [{ by: 'bob@localhost', id: 'x' }] })
const sent = (stanza: Stanza): Unacknowledged => ({ stanza, at: 0, number: 1 })

t.test('acknowledgements are collected, and only of what has a status', t => {
  const { clock, told, collector } = collecting()
  const state = Stanza.build(
    'message',
    { from: ALICE, to: BOB, type: 'chat', id: 's' },
    xml('composing', { xmlns: NS.chatStates }),
  )
  collector.acknowledged(BOB, [
    sent(given(message(ALICE, BOB, '1'))),
    sent(message(ALICE, BOB, 'not archived')),
    sent(given(state)),
    sent(given(message(BOB, BOB, 'to oneself'))),
    sent(given(message(JID.parse('eve@elsewhere.example'), BOB, 'from elsewhere'))),
    sent(given(message(ALICE, BOB, 'room').with({ type: 'groupchat' }))),
    sent(given(message(ALICE, BOB, '').with({ id: undefined }))),
    sent(Stanza.build('presence', { from: ALICE, to: BOB, id: 'p' })),
  ])
  collector.acknowledged(BOB, [sent(given(message(ALICE, BOB, '2')))])
  t.same(told, [], 'not at once')
  clock.advance(200)
  t.match(told, [
    ['alice@localhost', { peer: 'bob@localhost', delivered: [{ id: '1' }, { id: '2' }], read: [] }],
  ])
  clock.advance(1_000)
  t.equal(told.length, 1, 'once')
  t.end()
})

t.test(
  'of what is fetched the newest of each sender counts, and of what is told by hundreds the last ones',
  t => {
    const { clock, told, collector } = collecting()
    const entry = (id: bigint, peer: JID, stanza: Stanza): ArchiveEntry => ({
      id,
      time: Number(id),
      peer,
      payload: stanza.pack(),
      sequence: 1,
      unread: 1,
    })
    collector.fetched(BOB, [
      entry(3n, ALICE, message(ALICE, BOB, 'a3')),
      entry(1n, ALICE, message(ALICE, BOB, 'a1')),
      entry(4n, ALICE, message(BOB, ALICE, 'own')),
      entry(2n, CAROL, message(CAROL, BOB, 'c2')),
    ])
    for (let i = 0; i < 250; i++) {
      const receipt = Stanza.build(
        'message',
        { from: BOB, to: CAROL },
        xml('received', { xmlns: NS.receipts, id: `r${i}` }),
      )
      collector.told(receipt, CAROL, 'delivered')
    }
    clock.advance(200)
    const [alice, carol] = told
    t.match(alice, ['alice@localhost', { delivered: [{ id: 'a3', time: 3 }] }])
    t.equal(carol![1].delivered.length, 100)
    t.same(carol![1].delivered.at(-1), { id: 'r249' })
    collector.fetched(BOB, [entry(5n, ALICE, message(ALICE, BOB, 'a5'))])
    collector.stop()
    t.equal(told.length, 3, 'what was collected is told when it stops')
    clock.advance(200)
    t.equal(told.length, 3, 'and nothing more')
    t.end()
  },
)
