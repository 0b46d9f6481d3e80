/** The archive against a plain list: appends, purges and queries at random. */
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Archive, ArchiveQuery, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { TestClock } from './contract.ts'

const DAY = 86_400_000

interface PlainItem {
  readonly id: bigint
  readonly time: number
  readonly peer: string
  readonly text: string
}

/** The answer of a list that holds what the archive should hold. */
function plainAnswer(list: readonly PlainItem[], query: ArchiveQuery & { limit: number }) {
  const { peer, start, end, after, before, ids, limit } = query
  const matches = list.filter(
    item =>
      (peer === undefined || item.peer === peer.toString()) &&
      (start === undefined || item.time >= start) &&
      (end === undefined || item.time <= end) &&
      (ids === undefined || ids.includes(item.id)),
  )
  const placed = matches.filter(
    ({ id }) => (after === undefined || id > after) && (before === undefined || id < before),
  )
  if (query.reverse) placed.reverse()
  return { items: placed.slice(0, limit), more: placed.length > limit, total: matches.length }
}

type Step =
  | { readonly do: 'append'; readonly owner: number; readonly peer: number; readonly both: boolean }
  | { readonly do: 'time'; readonly by: number }
  | { readonly do: 'settle' }
  | { readonly do: 'purge'; readonly owner: number; readonly days: number }
  | { readonly do: 'query'; readonly owner: number; readonly query: QueryShape }

interface QueryShape {
  readonly peer: number | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  /** Items counted from the start of the list. */
  readonly after: number | undefined
  readonly before: number | undefined
  readonly ids: readonly number[] | undefined
  readonly reverse: boolean
  readonly limit: number
}

const people = ['alice', 'bob', 'carol']
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const person = fc.nat(people.length - 1)
const days = fc.integer({ min: -5, max: 70 })
const anyQuery: fc.Arbitrary<QueryShape> = fc.record({
  peer: maybe(person),
  start: maybe(days),
  end: maybe(days),
  after: maybe(fc.nat(60)),
  before: maybe(fc.nat(60)),
  ids: fc.option(fc.array(fc.nat(60), { maxLength: 6 }), { nil: undefined, freq: 5 }),
  reverse: fc.boolean(),
  limit: fc.nat(8),
})
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      owner: person,
      peer: person,
      both: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('time' as const), by: fc.integer({ min: -2, max: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), owner: person, days }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('query' as const), owner: person, query: anyQuery }) },
)

/** Appends, purges and queries at random, with the same done to plain lists. */
export async function againstPlainList(t: Test, storage: Storage, clock: TestClock): Promise<void> {
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 40, maxLength: 80 }), async steps => {
      // Owners of their own for each round: what earlier rounds left is in the way, as it would be in life.
      const owners = people.map(name => JID.parse(`${name}${round}@example.org`))
      round++
      await runSteps(storage, clock, owners, steps)
    }),
    { numRuns: 25, endOnFailure: true },
  )
  t.ok(round >= 25)
}

async function runSteps(
  storage: Storage,
  clock: TestClock,
  owners: readonly JID[],
  steps: readonly Step[],
): Promise<void> {
  const archive = storage.archive('mam')
  const lists: PlainItem[][] = owners.map(() => [])
  const base = clock.time
  let last = 0
  for (const [number, step] of steps.entries()) {
    if (step.do === 'time') clock.time += step.by * DAY
    else if (step.do === 'settle') await storage.settled()
    else if (step.do === 'purge') {
      const before = base + step.days * DAY
      await archive.purge(owners[step.owner]!, { before })
      lists[step.owner] = lists[step.owner]!.filter(({ time }) => time >= before)
    } else if (step.do === 'append') {
      const text = `item ${number}`
      const payload = Buffer.from(text)
      const sides = step.both
        ? [
            [step.owner, step.peer],
            [step.peer, step.owner],
          ]
        : [[step.owner, step.peer]]
      const writes = sides.map(([owner, peer]) =>
        archive.append(owners[owner!]!, { peer: owners[peer!]!, payload }),
      )
      await storage.commit(writes)
      for (const [n, [owner, peer]] of sides.entries()) {
        const { id } = writes[n]!
        if (lists[owner!]!.some(item => item.id === id)) continue
        // The id holds the time of the clock, or that of the last item if the clock was set back.
        const [entry] = (await archive.page(owners[owner!]!, { ids: [id] })).items
        if (entry!.time < Math.max(clock.time, last)) throw new Error('time went back')
        last = entry!.time
        lists[owner!]!.push({ id, time: entry!.time, peer: owners[peer!]!.toString(), text })
      }
    } else await compare(archive, owners, lists[step.owner]!, step.owner, step.query, base)
  }
}

async function compare(
  archive: Archive,
  owners: readonly JID[],
  list: readonly PlainItem[],
  owner: number,
  shape: QueryShape,
  base: number,
): Promise<void> {
  const idAt = (n: number | undefined) =>
    n === undefined || list.length === 0 ? undefined : list[n % list.length]!.id
  const query: ArchiveQuery & { limit: number } = defined({
    peer: shape.peer === undefined ? undefined : owners[shape.peer],
    start: shape.start === undefined ? undefined : base + shape.start * DAY,
    end: shape.end === undefined ? undefined : base + shape.end * DAY,
    after: idAt(shape.after),
    before: idAt(shape.before),
    ids: shape.ids?.flatMap(n => idAt(n) ?? []),
    reverse: shape.reverse,
    limit: shape.limit,
    count: true,
  })
  const expected = plainAnswer(list, query)
  const page = await archive.page(owners[owner]!, query)
  const items = page.items.map(({ id, time, peer, payload }) => ({
    id,
    time,
    peer: peer.toString(),
    text: Buffer.from(payload).toString(),
  }))
  const show = (value: unknown) =>
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))
  if (show({ ...page, items }) !== show(expected))
    throw new Error(`${show(query)}\nexpected ${show(expected)}\n     got ${show({ ...page, items })}`)
}

/** Leaves out what is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never
}
