/** The write-behind index and what readers make of it, without threads: cut off and taken up again at any point. */
import fc from 'fast-check'
import t from 'tap'
import { firstIdAt, idRange } from '../../src/storage/archive-ids.ts'
import type { HistoryQuery } from '../../src/storage/engine.ts'
import { ArchiveView } from '../../src/storage/sqlite/archive-view.ts'
import { makeFolder, openForReading, openForWriting } from '../../src/storage/sqlite/database.ts'
import { Eraser } from '../../src/storage/sqlite/erase.ts'
import type { Outcome } from '../../src/storage/sqlite/group-message.ts'
import { GroupWriter } from '../../src/storage/sqlite/group-writer.ts'
import type { Key } from '../../src/storage/sqlite/log-rows.ts'
import { Names } from '../../src/storage/sqlite/names.ts'
import { history } from '../../src/storage/sqlite/read-history.ts'
import { ITEM_NUMBERS, type PackedHistory } from '../../src/storage/sqlite/reader-message.ts'
import { listSegments } from '../../src/storage/sqlite/segments.ts'
import { WriteBehind } from '../../src/storage/sqlite/write-behind.ts'
import { NOON } from './contract.ts'

const PACE = { round: 12, slice: 2 }
const DAY = 86_400_000

type Stored = Extract<Outcome, { given: unknown }>

interface Sent {
  readonly owners: readonly string[]
  readonly peer: string
  readonly now: number
  readonly unread?: boolean
  readonly key?: Key | undefined
}

/** A writer and a reader of a folder, both in this thread. */
class Pair {
  readonly #folder: string
  #parts: ReturnType<typeof openParts>
  #reader
  #view: ArchiveView

  constructor(folder: string) {
    this.#folder = folder
    makeFolder(folder)
    this.#parts = openParts(folder)
    this.#reader = openForReading(folder)
    this.#view = new ArchiveView(this.#reader)
  }

  /** Commits one message for some owners; its id. */
  append(owners: readonly string[], peer: string, now: number): number {
    return this.send({ owners, peer, now }).given[0]!
  }

  /** Commits one message; what it was given. */
  send({ owners, peer, now, unread = false, key }: Sent): Stored {
    const payload = Buffer.from('x')
    const unless = key === undefined ? [] : [key]
    const rest = { archive: 'mam', peer, payload, unread, byOwner: false, key, unless }
    const commit = owners.map(owner => ({ kind: 'append', owner, ...rest }) as const)
    const [outcome] = this.#parts.groups.write([commit], now)
    if (outcome === undefined || 'error' in outcome) throw new Error('not stored')
    return outcome
  }

  slice(): void {
    this.#parts.behind.slice()
  }

  /** Whether a slice would have been written after the last group. */
  get due(): boolean {
    return this.#parts.behind.due
  }

  purge(owner: string, upTo: number): void {
    for (const _ of this.#parts.eraser.purge({ archive: 'mam', owner, upTo, ids: undefined }));
  }

  /** The writer dies and another one takes its place. What it had in memory is lost. */
  restart(): void {
    this.#parts.db.close()
    this.#parts = openParts(this.#folder)
  }

  /** The index is gone, and with it the counts and the keys: they are made from the log again. */
  rebuild(): void {
    const { db } = this.#parts
    for (const { id } of listSegments(db)) db.exec(`DELETE FROM index_${id}`)
    db.exec(`DELETE FROM counter; DELETE FROM key_page;
      UPDATE progress SET low = 0, high = 0, segment = 0, owner = 0, id = 0`)
    this.#reader.close()
    this.restart()
    this.#reader = openForReading(this.#folder)
    this.#view = new ArchiveView(this.#reader)
  }

  /** Runs a query; between its steps `meanwhile` is called and the snapshot is taken anew. */
  query(owner: string, query: HistoryQuery, meanwhile: () => void, mostLinks = 500): PackedHistory {
    let answer: PackedHistory | undefined
    const steps = history(this.#view, { archive: 'mam', owner, query }, { stepEntries: 3, mostLinks })
    while (answer === undefined) {
      this.#reader.exec('BEGIN')
      this.#view.refresh()
      const { done, value } = steps.next()
      this.#reader.exec('COMMIT')
      if (done === true) answer = value
      meanwhile()
    }
    return answer
  }

  close(): void {
    this.#reader.close()
    this.#parts.db.close()
  }
}

function openParts(folder: string) {
  const db = openForWriting(folder, 'off')
  const names = new Names(db)
  const behind = new WriteBehind(db, 'off', PACE)
  const groups = new GroupWriter(db, names, behind)
  return { db, behind, groups, eraser: new Eraser({ db, names, behind, groups }) }
}

type Step =
  | {
      readonly do: 'append'
      readonly owners: readonly number[]
      readonly peer: number
      readonly unread: boolean
      readonly key: number | undefined
    }
  | { readonly do: 'slice' }
  | { readonly do: 'restart' }
  | { readonly do: 'rebuild' }
  | { readonly do: 'time'; readonly days: number }
  | { readonly do: 'purge'; readonly owner: number; readonly share: number }
  | {
      readonly do: 'query'
      readonly owner: number
      readonly peer: number | undefined
      readonly reverse: boolean
      readonly limit: number
      readonly place: number
      readonly mostLinks: number
    }

const person = fc.nat(3)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      owners: fc.uniqueArray(person, { minLength: 1, maxLength: 3 }),
      peer: person,
      unread: fc.boolean(),
      key: fc.option(fc.nat(15), { nil: undefined }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('slice' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rebuild' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time' as const), days: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('purge' as const), owner: person, share: fc.nat(100) }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('query' as const),
      owner: person,
      peer: fc.option(person, { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.nat(30),
      place: fc.nat(100),
      mostLinks: fc.constantFrom(0, 5, 1000),
    }),
  },
)

t.test(
  'pages, counts and keys are right whatever part of the log is indexed, and when all of it is indexed anew',
  async t => {
    const folder = t.testdir()
    let round = 0
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 60, maxLength: 150 }), steps => {
        const pair = new Pair(`${folder}/${round++}`)
        try {
          runSteps(pair, steps)
        } finally {
          pair.close()
        }
      }),
      { numRuns: 60, endOnFailure: true },
    )
    t.equal(round, 60)
  },
)

function runSteps(pair: Pair, steps: readonly Step[]): void {
  const lists: { id: number; peer: string }[][] = [[], [], [], []]
  const counts = new Map<string, { sequence: number; unread: number }>()
  const keys = new Map<string, number>()
  let now = NOON
  const index = () => {
    if (pair.due) pair.slice()
  }
  for (const step of steps) {
    if (step.do === 'append') {
      for (const owner of step.owners) {
        const hash = step.key === undefined ? undefined : { high: -1 - step.key, low: step.key * 2 ** 20 }
        const sent = { owners: [`u${owner}`], peer: `u${step.peer}`, now, unread: step.unread, key: hash }
        const { given, repeated } = pair.send(sent)
        const key = `${owner} ${step.key}`
        const first = keys.get(key)
        const known = first !== undefined && first >= firstIdAt(now - 2 * DAY)
        expect(repeated, known)
        if (repeated) {
          expect(given[0], keys.get(key))
          continue
        }
        const count = counts.get(`${owner} ${step.peer}`) ?? { sequence: 0, unread: 0 }
        count.sequence++
        count.unread += step.unread ? 1 : 0
        counts.set(`${owner} ${step.peer}`, count)
        expect(given, [given[0], count.sequence, count.unread])
        if (step.key !== undefined) keys.set(key, given[0]!)
        lists[owner]!.push({ id: given[0]!, peer: `u${step.peer}` })
      }
    } else if (step.do === 'slice') index()
    else if (step.do === 'restart') pair.restart()
    else if (step.do === 'rebuild') {
      pair.rebuild()
      // Of what was erased nothing is left in the log.
      for (const [key, id] of keys) if (!lists[Number(key[0])]!.some(item => item.id === id)) keys.delete(key)
      for (const key of counts.keys()) {
        const [owner, peer] = key.split(' ')
        if (!lists[Number(owner)]!.some(item => item.peer === `u${peer}`)) counts.delete(key)
      }
    } else if (step.do === 'time') now += step.days * DAY
    else if (step.do === 'purge') {
      const list = lists[step.owner]!
      const upTo = list[Math.floor((list.length * step.share) / 101)]?.id ?? 0
      pair.purge(`u${step.owner}`, upTo)
      lists[step.owner] = list.filter(({ id }) => id > upTo)
    } else check(pair, lists[step.owner]!, step, index)
  }
}

function check(
  pair: Pair,
  list: readonly { id: number; peer: string }[],
  { owner, peer, reverse, limit, place, mostLinks }: Extract<Step, { do: 'query' }>,
  meanwhile: () => void,
): void {
  const edge = list[Math.floor((list.length * place) / 101)]?.id
  const query: HistoryQuery = {
    limit,
    reverse,
    count: true,
    ...(edge !== undefined && { [reverse ? 'before' : 'after']: BigInt(edge) }),
    ...(peer !== undefined && { peer: `u${peer}` }),
  }
  const { low, high } = idRange(query)
  const matches = list.filter(item => peer === undefined || item.peer === `u${peer}`)
  const placed = matches.filter(({ id }) => id >= low && id < high)
  if (reverse) placed.reverse()
  const page = pair.query(`u${owner}`, query, meanwhile, mostLinks)
  const expected = [placed.slice(0, limit).map(({ id }) => id), placed.length > limit, placed.length]
  expect([idsOf(page), page.more, page.total], expected)
}

function idsOf({ numbers }: PackedHistory): number[] {
  return numbers.filter((_, index) => index % ITEM_NUMBERS === 0)
}

function expect(got: unknown, expected: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(expected))
    throw new Error(`expected ${JSON.stringify(expected)}\n     got ${JSON.stringify(got)}`)
}

t.test('a full tail is taken up after a crash, wherever its indexing stopped', async t => {
  const folder = t.testdir()
  for (const slices of [0, 1, 5, 1000]) {
    const pair = new Pair(`${folder}/${slices}`)
    const ids: number[] = []
    for (let n = 0; n < 100; n++) ids.push(pair.append([`u${n % 3}`, 'all'], 'peer', NOON + n * DAY))
    for (let n = 0; n < slices && pair.due; n++) pair.slice()
    pair.restart()
    const page = () => idsOf(pair.query('all', { limit: 1000 }, () => undefined))
    t.same(page(), ids, `after ${slices} slices`)
    ids.push(pair.append(['all'], 'peer', NOON))
    t.ok(ids.at(-1)! > ids.at(-2)!)
    while (pair.due) {
      pair.slice()
      t.same(page(), ids)
    }
    pair.close()
  }
})
