/** The archive against a plain list: appends, purges and queries at random. */
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Append, Archive, ArchiveQuery, Storage } from '../../src/storage/types.ts'
import { JID } from '../../src/xml/jid.ts'
import type { TestClock } from './contract.ts'

const DAY = 86_400_000

interface PlainItem {
  readonly id: bigint
  readonly time: number
  readonly peer: string
  readonly text: string
  readonly sequence: number
  readonly unread: number
}

/** The answer of a list that holds what the archive should hold. */
function plainAnswer(list: readonly PlainItem[], query: ArchiveQuery & { limit: number }) {
  const { peer, start, end, after, before, ids, limit } = query
  const matches = list.filter(
    item =>
      (peer === undefined || item.peer === peer.toString() || item.peer.startsWith(`${peer}/`)) &&
      (start === undefined || item.time >= start) &&
      (end === undefined || item.time <= end) &&
      (ids === undefined || ids.includes(item.id)),
  )
  const placed = matches.filter(
    ({ id }) => (after === undefined || id > after) && (before === undefined || id < before),
  )
  if (query.reverse) placed.reverse()
  return { items: placed.slice(0, limit), more: placed.length > limit, total: placed.length }
}

type Step =
  | AppendStep
  | { readonly do: 'time'; readonly by: number }
  | { readonly do: 'settle' }
  | { readonly do: 'purge'; readonly owner: number; readonly days: number }
  | { readonly do: 'replace'; readonly owner: number; readonly item: number }
  | { readonly do: 'query'; readonly owner: number; readonly query: QueryShape }

interface AppendStep {
  readonly do: 'append'
  readonly owner: number
  readonly peer: number
  /** 0 for none. */
  readonly resource: number
  readonly both: boolean
  readonly unread: boolean
  readonly key: number | undefined
}

interface QueryShape {
  readonly peer: number | undefined
  readonly resource: number
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
  resource: fc.nat(2),
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
      resource: fc.nat(2),
      both: fc.boolean(),
      unread: fc.boolean(),
      key: maybe(fc.nat(20)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('time' as const), by: fc.integer({ min: -2, max: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), owner: person, days }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('replace' as const), owner: person, item: fc.nat(60) }),
  },
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
    { numRuns: 25, endOnFailure: true, includeErrorInReport: true },
  )
  t.ok(round >= 25)
}

/** One run: what the archive should hold. */
interface Run {
  readonly storage: Storage
  readonly archive: Archive
  readonly clock: TestClock
  readonly owners: readonly JID[]
  readonly lists: PlainItem[][]
  /** By owner and bare peer. */
  readonly counts: Map<string, { sequence: number; unread: number }>
  /** By owner and key; the id and when it was stored. */
  readonly keys: Map<string, { id: bigint; time: number }>
  /** By owner; the time of the newest item. */
  readonly last: Map<number, number>
}

async function runSteps(
  storage: Storage,
  clock: TestClock,
  owners: readonly JID[],
  steps: readonly Step[],
): Promise<void> {
  const archive = storage.archive('mam')
  const lists: PlainItem[][] = owners.map(() => [])
  const run: Run = {
    storage,
    archive,
    clock,
    owners,
    lists,
    counts: new Map(),
    keys: new Map(),
    last: new Map(),
  }
  const base = clock.time
  for (const [number, step] of steps.entries()) {
    if (step.do === 'time') clock.time += step.by * DAY
    else if (step.do === 'settle') await storage.settled()
    else if (step.do === 'purge') {
      const before = base + step.days * DAY
      await archive.purge(owners[step.owner]!, { before })
      lists[step.owner] = lists[step.owner]!.filter(({ time }) => time >= before)
    } else if (step.do === 'replace') await replace(run, step.owner, step.item, `tombstone ${number}`)
    else if (step.do === 'append') await append(run, step, `item ${number}`)
    else await compare(archive, owners, lists[step.owner]!, step.owner, step.query, base)
  }
}

async function append(run: Run, step: AppendStep, text: string): Promise<void> {
  const { archive, owners } = run
  const payload = Buffer.from(text)
  const key = step.key === undefined ? {} : { unique: { key: `k${step.key}` } }
  const sent = archive.append(owners[step.owner]!, {
    peer: address(owners, step.peer, step.resource),
    payload,
    ...key,
  })
  const received = archive.append(owners[step.peer]!, {
    peer: owners[step.owner]!,
    payload,
    unread: step.unread,
  })
  await run.storage.commit(step.both ? [sent, received] : [sent])
  const name = `${step.owner} ${step.key}`
  const known = step.key === undefined ? undefined : run.keys.get(name)
  const age = run.clock.time - (known?.time ?? 0)
  // After a day a key may hold or not.
  if (known === undefined ? sent.repeated : !sent.repeated && age < DAY)
    throw new Error(`repeated is ${sent.repeated}, ${age} ms later`)
  if (sent.repeated) {
    if (sent.id !== known?.id) throw new Error('another id than that of the first copy')
    return
  }
  if (step.key !== undefined) run.keys.set(name, { id: sent.id, time: run.clock.time })
  await list(run, step.owner, step.peer, sent, address(owners, step.peer, step.resource), false, text)
  if (step.both && step.owner !== step.peer)
    await list(run, step.peer, step.owner, received, owners[step.owner]!, step.unread, text)
}

function address(owners: readonly JID[], person: number, resource: number): JID {
  return resource === 0 ? owners[person]! : owners[person]!.withResource(`r${resource}`)
}

/** Adds what was stored to the plain list, after a look at what the commit gave. */
async function list(
  run: Run,
  owner: number,
  other: number,
  { id, sequence, unread: unreadSoFar }: Append,
  peer: JID,
  unread: boolean,
  text: string,
): Promise<void> {
  const { sequence: before, unread: read } = run.counts.get(`${owner} ${other}`) ?? { sequence: 0, unread: 0 }
  const counts = { sequence: before + 1, unread: read + (unread ? 1 : 0) }
  if (sequence !== counts.sequence || unreadSoFar !== counts.unread)
    throw new Error(`${sequence}/${unreadSoFar} is not ${counts.sequence}/${counts.unread}`)
  run.counts.set(`${owner} ${other}`, counts)
  // The time of the clock, or that of the owner's last item if the clock was set back.
  const [entry] = (await run.archive.page(run.owners[owner]!, { ids: [id] })).items
  if (entry!.time < Math.max(run.clock.time, run.last.get(owner) ?? 0)) throw new Error('time went back')
  run.last.set(owner, entry!.time)
  run.lists[owner]!.push({ id, time: entry!.time, peer: peer.toString(), text, ...counts })
}

async function replace(run: Run, owner: number, item: number, text: string): Promise<void> {
  const plain = run.lists[owner]!
  if (plain.length === 0) return
  const { id } = plain[item % plain.length]!
  await run.storage.commit([run.archive.replace(run.owners[owner]!, id, Buffer.from(text))])
  run.lists[owner] = plain.map(one => (one.id === id ? { ...one, text } : one))
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
    peer: shape.peer === undefined ? undefined : address(owners, shape.peer, shape.resource),
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
  const items = page.items.map(({ id, time, peer, payload, sequence, unread }) => ({
    id,
    time,
    peer: peer.toString(),
    text: Buffer.from(payload).toString(),
    sequence,
    unread,
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
