/** XEP-0313: what random queries bring, against a plain list. */
import t, { type Test } from 'tap'
import { extensions } from '../../src/extensions/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import type { Storage } from '../../src/storage/types.ts'
import { dateTime } from '../../src/xml/delay.ts'
import { type Element, xml } from '../../src/xml/element.ts'
import { JID } from '../../src/xml/jid.ts'
import { NS } from '../../src/xml/ns.ts'
import { parseElement } from '../../src/xml/stored.ts'
import { ManualClock } from '../support/clock.ts'
import { core, type TestSession } from '../support/core.ts'

const MESSAGES = 150
const QUERIES = process.env.TIDINGS_FULL === undefined ? 400 : 4_000
const PEERS = ['bob@localhost', 'bob@localhost/x', 'carol@localhost', 'alice@localhost', 'dave@localhost/y']
const MOST = 40

/** An archived message as the list knows it. */
interface Row {
  readonly id: string
  /** `id` of the stanza. */
  readonly name: string
  readonly peer: string
  readonly time: number
}

/** What a query asks for, in numbers of the list. */
interface Wanted {
  readonly peer: string | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly afterId: number | undefined
  readonly beforeId: number | undefined
  readonly ids: readonly number[] | undefined
  readonly max: number | undefined
  /** By RSM; 'last' for the last page. */
  readonly after: number | undefined
  readonly before: number | 'last' | undefined
  readonly flipped: boolean
}

function numbers(seed: number): (n: number) => number {
  let state = seed
  return n => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % n
  }
}

const random = numbers(Number(process.env.SEED ?? 5))
const sometimes = <T>(often: number, value: () => T): T | undefined =>
  random(10) < often ? value() : undefined

function wish(rows: readonly Row[]): Wanted {
  const some = (): number => random(rows.length)
  const moment = (): number => rows[some()]!.time + random(3) - 1
  return {
    peer: sometimes(4, () => PEERS[random(PEERS.length)]!),
    start: sometimes(2, moment),
    end: sometimes(2, moment),
    afterId: sometimes(2, some),
    beforeId: sometimes(2, some),
    ids: sometimes(1, () => Array.from({ length: 1 + random(5) }, some)),
    max: sometimes(7, () => random(12)),
    after: sometimes(3, some),
    before: sometimes(3, () => (random(3) === 0 ? 'last' : some())),
    flipped: random(4) === 0,
  }
}

/** What the list says, of which the first ones are erased; undefined where one of those is named. */
function expected(
  rows: readonly Row[],
  erased: number,
  wanted: Wanted,
): { page: Row[]; complete: boolean; count: number | undefined } | undefined {
  const { afterId, beforeId, after } = wanted
  for (const named of [afterId, beforeId, after, wanted.before, ...(wanted.ids ?? [])])
    if (typeof named === 'number' && named < erased) return undefined
  const { peer, start = 0, end = Number.POSITIVE_INFINITY, ids, before, max = MOST } = wanted
  const matching = [...rows.entries()].filter(
    ([i, row]) =>
      i >= erased &&
      (peer === undefined || row.peer === peer || (!peer.includes('/') && row.peer.split('/')[0] === peer)) &&
      row.time >= start &&
      row.time <= end &&
      i > (afterId ?? -1) &&
      i < (beforeId ?? rows.length) &&
      (ids === undefined || ids.includes(i)),
  )
  const most = Math.min(max, MOST)
  // Whoever asks for nothing wants to know how many there are.
  if (most === 0) return { page: [], complete: matching.length === 0, count: matching.length }
  const all = matching
    .filter(([i]) => i > (after ?? -1) && i < (typeof before === 'number' ? before : rows.length))
    .map(([, row]) => row)
  const page = before === undefined ? all.slice(0, most) : all.slice(-most)
  const complete = page.length === all.length
  return { page: wanted.flipped ? page.toReversed() : page, complete, count: undefined }
}

function queryOf(rows: readonly Row[], wanted: Wanted): Element {
  const fields: Record<string, readonly string[]> = { FORM_TYPE: [NS.archive] }
  const id = (i: number): string => rows[i]!.id
  if (wanted.peer !== undefined) fields.with = [wanted.peer]
  if (wanted.start !== undefined) fields.start = [dateTime(wanted.start)]
  if (wanted.end !== undefined) fields.end = [dateTime(wanted.end)]
  if (wanted.afterId !== undefined) fields['after-id'] = [id(wanted.afterId)]
  if (wanted.beforeId !== undefined) fields['before-id'] = [id(wanted.beforeId)]
  if (wanted.ids !== undefined) fields.ids = wanted.ids.map(id)
  const { before } = wanted
  return xml(
    'query',
    { xmlns: NS.archive },
    xml(
      'x',
      { xmlns: NS.forms, type: 'submit' },
      Object.entries(fields).map(([name, values]) =>
        xml(
          'field',
          { var: name },
          values.map(value => xml('value', {}, value)),
        ),
      ),
    ),
    xml(
      'set',
      { xmlns: NS.resultSets },
      wanted.max !== undefined && xml('max', {}, String(wanted.max)),
      wanted.after !== undefined && xml('after', {}, id(wanted.after)),
      before !== undefined && xml('before', {}, before === 'last' ? '' : id(before)),
    ),
    wanted.flipped && xml('flip-page'),
  )
}

/** What a query brings over the wire. */
async function ask(alice: TestSession, query: Element, settled: () => Promise<void>) {
  alice.received.length = 0
  await alice.send('iq', { type: 'set', id: 'q' }, query)
  await settled()
  const received = alice.received.splice(0).map(text => parseElement(text))
  const answer = received.pop()!
  const results = received.map(message => {
    const result = message.getChild('result', NS.archive)!
    const forwarded = result.getChild('forwarded', NS.forward)!
    const stanza = forwarded.getChild('message', NS.client)!
    const stamp = forwarded.getChild('delay', NS.delay)!.attrs.stamp as string
    return {
      id: String(result.attrs.id),
      name: String(stanza.attrs.id),
      peer: String(stanza.attrs.to),
      stamp,
    }
  })
  return { answer, results }
}

const STORAGES: Readonly<Record<string, (t: Test, clock: ManualClock) => Storage | Promise<Storage>>> = {
  memory: (_, clock) => memoryStorage({ clock }),
  SQLite: (t, clock) => openSqlite({ folder: t.testdir(), clock }),
}

for (const [name, open] of Object.entries(STORAGES))
  t.test(`pages are those of a plain list: ${name}`, async t => {
    const clock = new ManualClock()
    const storage = await open(t, clock)
    t.teardown(() => storage.close())
    await pagesOfAList(t, clock, storage)
  })

/** Half of the messages are indexed, and the others are not; the oldest are erased meanwhile. */
async function pagesOfAList(t: Test, clock: ManualClock, storage: Storage): Promise<void> {
  const options = { archive: { 'results-per-query': MOST } }
  const { session, settled } = core({
    accounts: ['alice', 'bob', 'carol', 'dave'],
    extensions,
    clock,
    options,
    storage,
  })
  const alice = await session('alice', '1')
  const sent: Omit<Row, 'id'>[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const peer = PEERS[random(PEERS.length)]!
    // Several at a time, and now and then the clock stands still.
    clock.advance(random(3))
    sent.push({ name: String(i), peer, time: clock.now() })
    await alice.send('message', { to: peer, type: 'chat', id: String(i) }, xml('body', {}, 'x'))
    if (i === MESSAGES / 2) await storage.settled()
  }
  await settled()

  // All of it, page by page: that gives the ids.
  const rows: Row[] = []
  for (let after: string | undefined; rows.length < MESSAGES; after = rows.at(-1)!.id) {
    const set = xml('set', { xmlns: NS.resultSets }, after !== undefined && xml('after', {}, after))
    const { answer, results } = await ask(alice, xml('query', { xmlns: NS.archive }, set), settled)
    t.equal(results.length, Math.min(MOST, MESSAGES - rows.length), 'a whole page')
    for (const { id } of results) rows.push({ ...sent[rows.length]!, id })
    const complete = answer.getChild('fin', NS.archive)!.attrs.complete
    t.equal(complete, rows.length === MESSAGES ? 'true' : undefined)
  }
  t.equal(new Set(rows.map(({ id }) => id)).size, MESSAGES, 'each has an id of its own')

  let erased = 0
  for (let i = 0; i < QUERIES; i++) {
    if (random(QUERIES) < MESSAGES / 4) {
      const before = rows[erased + random(3)]!.time
      await storage.archive('messages').purge(JID.parse('alice@localhost'), { before })
      erased = rows.findIndex(({ time }) => time >= before)
    }
    const wanted = wish(rows)
    const { answer, results } = await ask(alice, queryOf(rows, wanted), settled)
    const list = expected(rows, erased, wanted)
    if (list === undefined) {
      const condition = answer.getChild('error')?.getChild('item-not-found', NS.stanzaErrors)
      if (!t.ok(condition && results.length === 0, `${erased} erased: ${JSON.stringify(wanted)}`)) break
      continue
    }
    const { page, complete, count } = list
    const stamped = page.map(({ time, ...row }) => ({ ...row, stamp: dateTime(time) }))
    const fin = answer.getChild('fin', NS.archive)
    const set = fin?.getChild('set', NS.resultSets)
    const inOrder = wanted.flipped ? page.toReversed() : page
    const found = {
      results,
      complete: fin?.attrs.complete === 'true',
      first: set?.getChildText('first') ?? undefined,
      last: set?.getChildText('last') ?? undefined,
      count: set?.getChildText('count') ?? undefined,
    }
    const ends = { first: inOrder[0]?.id, last: inOrder.at(-1)?.id, count: count?.toString() }
    if (!t.strictSame(found, { results: stamped, complete, ...ends }, JSON.stringify(wanted))) break
  }
}
