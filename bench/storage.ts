/**
 * What a row costs: CPU of the whole process (both threads), us per row, and the time a caller waits.
 * `node bench/storage.ts [--folder DIR] [--synchronous full|normal|off] [NAME ...]`
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSqlite } from '../src/storage/sqlite/open.ts'
import type { Archive, ArchiveItem, ArchiveQuery, Storage, Write } from '../src/storage/types.ts'
import { JID } from '../src/xml/jid.ts'

/** What a benchmark did. */
interface Done {
  readonly rows: number
  /** How long each commit or query took, ms. */
  readonly waits: number[]
  /** What part of it this was. */
  readonly part?: string
  /** CPU in us, if not that of the whole. */
  readonly cpu?: number
}

type Bench = (storage: Storage, folder: string) => Promise<Done | Done[]>

const OWNERS = Array.from({ length: 1000 }, (_, n) => JID.parse(`user${n}@localhost`))
const DEVICES = OWNERS.map(owner => owner.withResource('phone.x7Kq'))
const ITEM = {
  stanza: `<message type="chat"><body>${'x'.repeat(200)}</body></message>`,
  time: 1_790_000_000_000,
}
const PAYLOAD = Buffer.from(`<message type="chat" id="a1b2c3"><body>${'y'.repeat(230)}</body></message>`)

let seed = 1
/** The same numbers in each run. */
function random(below: number): number {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % below
}

const benches: Readonly<Record<string, Bench>> = {
  'table put, 1 row per commit, one after another': storage => inGroups(storage, 3000, 1, tablePuts),
  'table put, 10 commits at a time': storage => inGroups(storage, 20_000, 10, tablePuts),
  'table put, 100 commits at a time': storage => inGroups(storage, 100_000, 100, tablePuts),
  'table put, 300 a second': storage => offered(storage, 300, 5000, tablePuts),
  'archive, both sides, 1 at a time': storage => inGroups(storage, 3000, 1, archiveAppends),
  'archive, both sides, 10 at a time': storage => inGroups(storage, 20_000, 10, archiveAppends),
  'archive, both sides, 100 at a time': storage => inGroups(storage, 200_000, 100, archiveAppends),
  'archive, both sides, 100 at a time, strangers': storage => inGroups(storage, 200_000, 100, amongStrangers),
  'archive, both sides, 100 at a time, with keys': storage => inGroups(storage, 200_000, 100, withKeys),
  'archive, both sides, 300 a second': storage => offered(storage, 300, 5000, archiveAppends),
  'get, 1 at a time': storage => reading(storage, 10_000, 1),
  'get, 50 at a time': storage => reading(storage, 100_000, 50),
  'archive page of 50 out of 10,000, indexed': storage => archivePages(storage, true),
  'archive page of 50 out of 10,000, not indexed yet': storage => archivePages(storage, false),
  'archive page of 50 out of a million': pagesOfMillion,
  'start after a crash with a full tail': startWithTail,
  'update (compare-and-set), 50 owners at a time': updates,
}

function tablePuts(storage: Storage, n: number): Write[] {
  const table = storage.table<typeof ITEM>('offline', 'lww')
  return [table.put(OWNERS[random(1000)]!, `m${String(n).padStart(12, '0')}`, ITEM)]
}

/** Each writes to a few others. */
function archiveAppends(storage: Storage): Write[] {
  const from = random(1000)
  return message(storage, from, (from + 1 + random(10)) % 1000)
}

/** Each writes to anybody: a count for nearly every message. */
function amongStrangers(storage: Storage): Write[] {
  return message(storage, random(1000), random(1000))
}

/** Each message is looked up, as one with an origin-id is. */
function withKeys(storage: Storage, n: number): Write[] {
  const from = random(1000)
  const to = (from + 1 + random(10)) % 1000
  return message(storage, from, to, { unique: { key: `chat user${to}@localhost 7b0c6c5e-${n}-9d5e8f5c` } })
}

function message(storage: Storage, from: number, to: number, more: Partial<ArchiveItem> = {}): Write[] {
  const archive = storage.archive('mam')
  const payload = Buffer.from(PAYLOAD)
  const [sender, recipient] = [OWNERS[from]!, OWNERS[to]!]
  return [
    archive.append(sender, { peer: recipient, payload, ...more }),
    archive.append(recipient, { peer: DEVICES[from]!, payload, unread: true }),
  ]
}

/** Closed loop: so many commits, one row each, then the next when all are stored. */
async function inGroups(
  storage: Storage,
  rows: number,
  atATime: number,
  make: (storage: Storage, n: number) => Write[],
): Promise<Done> {
  const waits: number[] = []
  for (let n = 0; n < rows; n += atATime) {
    const began = performance.now()
    const commits = Array.from({ length: atATime }, (_, k) => storage.commit(make(storage, n + k)))
    await Promise.all(commits)
    waits.push(performance.now() - began)
  }
  return { rows, waits }
}

/** Open loop: commits at a rate, whatever becomes of them. */
async function offered(
  storage: Storage,
  perSecond: number,
  ms: number,
  make: (storage: Storage, n: number) => Write[],
): Promise<Done> {
  const waits: number[] = []
  const commits: Promise<void>[] = []
  const end = performance.now() + ms
  for (let next = performance.now(); next < end; next += ((0.5 + Math.random()) * 1000) / perSecond) {
    await sleep(Math.max(0, next - performance.now()))
    const began = performance.now()
    const commit = storage.commit(make(storage, commits.length + 1_000_000))
    commits.push(commit.then(() => void waits.push(performance.now() - began)))
  }
  await Promise.all(commits)
  return { rows: commits.length, waits }
}

async function reading(storage: Storage, rows: number, atATime: number): Promise<Done> {
  const table = storage.table<typeof ITEM>('offline', 'lww')
  await storage.commit(OWNERS.map(owner => table.put(owner, 'k', ITEM)))
  await table.get(OWNERS[0]!, 'k')
  return measured(async () => {
    const waits: number[] = []
    for (let n = 0; n < rows; n += atATime) {
      const began = performance.now()
      await Promise.all(Array.from({ length: atATime }, () => table.get(OWNERS[random(1000)]!, 'k')))
      waits.push(performance.now() - began)
    }
    return { rows, waits }
  })
}

async function archivePages(storage: Storage, indexed: boolean): Promise<Done> {
  const archive = await filledArchive(storage, 10_000)
  if (indexed) await storage.settled()
  return pages(archive, 2000, {})
}

/** One owner's archive, over some months: every tenth item is with one peer, every ten-thousandth with another one. */
async function pagesOfMillion(storage: Storage): Promise<Done[]> {
  const archive = await filledArchive(storage, 1_000_000)
  await storage.settled()
  const [often, seldom] = [OWNERS[1]!, OWNERS[2]!]
  return [
    { part: 'anywhere', ...(await pages(archive, 2000, {})) },
    { part: 'anywhere, with the total', ...(await pages(archive, 500, { count: true })) },
    { part: 'anywhere, with one of ten peers', ...(await pages(archive, 500, { peer: often })) },
    { part: 'the last', ...(await pages(archive, 500, { reverse: true })) },
    {
      part: 'the last, with one of ten peers',
      ...(await pages(archive, 500, { peer: often, reverse: true })),
    },
    { part: 'the last, with a rare peer', ...(await pages(archive, 10, { peer: seldom, reverse: true })) },
  ]
}

/** The archive of the first owner with this many items. */
async function filledArchive(storage: Storage, items: number): Promise<Archive> {
  const archive = storage.archive('mam')
  for (let n = 0; n < items; n += 100) {
    const peerOf = (k: number) => OWNERS[k % 10_000 === 0 ? 2 : k % 10 === 1 ? 1 : 3 + (k % 7)]!
    const appends = Array.from({ length: 100 }, (_, k) =>
      archive.append(OWNERS[0]!, { peer: peerOf(n + k), payload: Buffer.from(PAYLOAD) }),
    )
    await storage.commit(appends)
  }
  return archive
}

/** Pages of 50 one after another, each from anywhere or, backward, the last one. */
async function pages(archive: Archive, count: number, query: ArchiveQuery): Promise<Done> {
  const alice = OWNERS[0]!
  const first = (await archive.page(alice, { limit: 1 })).items[0]!.id
  const last = (await archive.page(alice, { limit: 1, reverse: true })).items[0]!.id
  return measured(async () => {
    const waits: number[] = []
    for (let n = 0; n < count; n++) {
      const after = first + BigInt(Math.floor(Math.random() * Number(last - first)))
      const began = performance.now()
      await archive.page(alice, { ...query, ...(!query.reverse && { after }), limit: 50 })
      waits.push(performance.now() - began)
    }
    return { rows: count, waits }
  })
}

/** Starts on what a process leaves that was killed with as much not indexed as can be. */
async function startWithTail(storage: Storage, folder: string): Promise<Done> {
  // Just before the end of the index's first round, which began at 16,384 entries: the most that a start ever reads again
  // (test/storage/sqlite-tail.test.ts).
  for (let n = 0; n < 13_000; n += 1000)
    await storage.commit(Array.from({ length: 1000 }, (_, k) => withKeys(storage, n + k)).flat())
  const copy = `${folder}-killed`
  cpSync(folder, copy, { recursive: true, filter: file => !/-shm$|lock$|pid$/.test(file) })
  const done = await measured(async () => {
    const began = performance.now()
    const next = await openSqlite({ folder: copy })
    await next.commit([next.table<number>('things', 'lww').put(OWNERS[0]!, 'k', 1)])
    const waits = [performance.now() - began]
    await next.close()
    return { rows: 1, waits }
  })
  rmSync(copy, { recursive: true })
  return done
}

async function updates(storage: Storage): Promise<Done> {
  const table = storage.table<{ n: number }>('counters', 'cas')
  const waits: number[] = []
  for (let n = 0; n < 200; n++) {
    const began = performance.now()
    await Promise.all(
      OWNERS.slice(0, 50).map(owner => table.update(owner, 'n', item => ({ n: (item?.n ?? 0) + 1 }))),
    )
    waits.push(performance.now() - began)
  }
  return { rows: 10_000, waits }
}

/** Leaves preparations out of the figures. */
async function measured(task: () => Promise<Done>): Promise<Done> {
  const started = process.cpuUsage()
  const done = await task()
  const { user, system } = process.cpuUsage(started)
  return { ...done, cpu: user + system }
}

function print(name: string, { part, rows, waits }: Done, cpu: number): void {
  waits.sort((a, b) => a - b)
  const cost = (cpu / rows).toFixed(1).padStart(9)
  const [p50, p99, most] = [0.5, 0.99, 1].map(share => quantile(waits, share))
  const title = part === undefined ? name : `  ${part}`
  console.log(`${title.padEnd(50)}${cost} us a row   wait ms: p50 ${p50}  p99 ${p99}  max ${most}`)
}

function quantile(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: tmpdir() },
    synchronous: { type: 'string', default: 'full' },
  },
})
for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.some(part => name.includes(part))) continue
  const folder = mkdtempSync(join(values.folder, 'tidings-bench-'))
  const synchronous = values.synchronous as 'full' | 'normal' | 'off'
  const storage = await openSqlite({ folder, synchronous, onProblem: problem => console.error(problem) })
  const started = process.cpuUsage()
  const done = [await bench(storage, folder)].flat()
  const { user, system } = process.cpuUsage(started)
  for (const part of done) print(name, part, part.cpu ?? user + system)
  await storage.close()
  rmSync(folder, { recursive: true })
}
