/**
 * What a row costs: CPU of the whole process (both threads), us per row, and the time a caller waits.
 * `node bench/storage.ts [--folder DIR] [--synchronous full|normal|off] [NAME ...]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSqlite } from '../src/storage/sqlite/open.ts'
import type { ArchiveItem, Storage, Write } from '../src/storage/types.ts'
import { JID } from '../src/xml/jid.ts'

/** What a benchmark did. */
interface Done {
  readonly rows: number
  /** How long each commit or query took, ms. */
  readonly waits: number[]
}

type Bench = (storage: Storage) => Promise<Done>

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
  const archive = storage.archive('mam')
  const alice = OWNERS[0]!
  for (let n = 0; n < 10_000; n += 100) {
    const writes = Array.from({ length: 100 }, () =>
      archive.append(alice, { peer: OWNERS[1]!, payload: Buffer.from(PAYLOAD) }),
    )
    await storage.commit(writes)
  }
  if (indexed) await storage.settled()
  const first = (await archive.page(alice, { limit: 1 })).items[0]!.id
  const last = (await archive.page(alice, { limit: 1, reverse: true })).items[0]!.id
  return measured(async () => {
    const waits: number[] = []
    for (let n = 0; n < 2000; n++) {
      const after = first + BigInt(Math.floor(Math.random() * Number(last - first)))
      const began = performance.now()
      await archive.page(alice, { after, limit: 50 })
      waits.push(performance.now() - began)
    }
    return { rows: 2000, waits }
  })
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

let started = process.cpuUsage()
/** Leaves preparations out of the figures. */
async function measured(task: () => Promise<Done>): Promise<Done> {
  started = process.cpuUsage()
  return task()
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
  started = process.cpuUsage()
  const { rows, waits } = await bench(storage)
  const { user, system } = process.cpuUsage(started)
  waits.sort((a, b) => a - b)
  const cost = ((user + system) / rows).toFixed(1).padStart(7)
  console.log(
    `${name.padEnd(50)}${cost} us a row   wait ms: p50 ${quantile(waits, 0.5)}  p99 ${quantile(waits, 0.99)}  max ${quantile(waits, 1)}`,
  )
  await storage.close()
  rmSync(folder, { recursive: true })
}
