import { growingCache } from '../../xml/cache.ts'
import type { WallClock } from '../types.ts'
import type { Connection, Found, Statement } from './connection.ts'
import { type Bucket, type Counts, KEY_MS, type Known, OwnerArchive } from './owner-archive.ts'
import type { Slots, Term } from './slots.ts'

/** Owners whose archives are in memory at their end. */
const OWNERS = 20_000
/** So many items of an owner at most are read again to know what has been counted. */
const UNCOUNTED = 256
const ROWS_AT_ONCE = 1_000

const BUCKETS = 'SELECT bucket, time FROM buckets WHERE archive = ? AND owner = ?'
const LAST =
  'SELECT id, time, weight FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND id <= ? ORDER BY id DESC LIMIT 1'
const COUNTED = 'SELECT upto FROM counts WHERE archive = ? AND owner = ? LIMIT 1'
const COUNT = 'SELECT sequence, unread FROM counts WHERE archive = ? AND owner = ? AND name = ?'
const SINCE =
  'SELECT counted, sequence, unread FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND id > ? AND id <= ?'
const KEYS =
  'SELECT id, time, key, sequence, unread FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND id <= ? ORDER BY id DESC'
const SAVED_KEYS = 'SELECT key, id, time FROM keys WHERE archive = ? AND owner = ?'
const SAVE_COUNT =
  'INSERT INTO counts (archive, owner, upto, name, sequence, unread) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?'
const GREATEST = 2n ** 63n - 1n

/** What archives hold at their ends, read when an owner is first touched in a term. Everything here is called in the owner's lane. */
export class Archives {
  readonly #connection: Connection
  readonly #slots: Slots
  readonly #clock: WallClock
  readonly #known = growingCache<string, OwnerArchive>(OWNERS)
  /** Up to where an archive is whole, where more was sent and not confirmed. */
  readonly #whole = new Map<string, { readonly term: Term; readonly upTo: bigint }>()
  readonly #saving = new Set<Promise<void>>()

  constructor(connection: Connection, slots: Slots, clock: WallClock) {
    this.#connection = connection
    this.#slots = slots
    this.#clock = clock
  }

  /** The archive of an owner whose slot this process holds. */
  async open(archive: string, owner: string): Promise<OwnerArchive> {
    const term = this.#slots.termOf(owner)
    const name = `${archive}\0${owner}`
    const known = this.#known.get(name)
    if (known?.term === term) return known
    const fresh = await this.#read(archive, owner, term, this.#wholeUpTo(name, term) ?? GREATEST)
    this.#known.set(name, fresh)
    return fresh
  }

  /** What is in memory of an archive: its buckets, and up to where it may be shown. Undefined where nothing is. */
  peek(archive: string, owner: string): { buckets?: readonly Bucket[]; stored: bigint } | undefined {
    const name = `${archive}\0${owner}`
    const term = this.#slots.currentTerm(owner)
    const known = this.#known.get(name)
    if (known !== undefined && known.term === term) return known
    const whole = term && this.#wholeUpTo(name, term)
    return whole === undefined ? undefined : { stored: whole }
  }

  #wholeUpTo(name: string, term: Term): bigint | undefined {
    const whole = this.#whole.get(name)
    return whole?.term === term ? whole.upTo : undefined
  }

  /** What was added is stored. */
  confirm(archive: OwnerArchive): void {
    archive.confirm()
    this.#whole.delete(`${archive.archive}\0${archive.owner}`)
    if (archive.uncounted < UNCOUNTED) return
    const saving = this.saveCounts(archive).catch(() => undefined)
    this.#saving.add(saving)
    void saving.finally(() => this.#saving.delete(saving))
  }

  /** What was added may be stored or not: it is not shown, and cut off before the next item. */
  doubt({ archive, owner, term, stored }: OwnerArchive): void {
    const name = `${archive}\0${owner}`
    this.#known.delete(name)
    this.#whole.set(name, { term, upTo: stored })
  }

  /** Nothing is left of an archive. */
  forget(archive: string, owner: string): void {
    this.#known.delete(`${archive}\0${owner}`)
    this.#whole.delete(`${archive}\0${owner}`)
  }

  /** Resolves when no counts are being written down. */
  async settled(): Promise<void> {
    await Promise.all(this.#saving)
  }

  async #read(archive: string, owner: string, term: Term, upTo: bigint): Promise<OwnerArchive> {
    const buckets = (await this.buckets(archive, owner)).filter(({ first }) => first <= upTo)
    const last = await this.#last(archive, owner, buckets, upTo)
    const fresh = new OwnerArchive({ archive, owner, term, buckets, last })
    await this.#countSince(fresh, upTo)
    return fresh
  }

  /** The buckets of an owner, oldest first. */
  async buckets(archive: string, owner: string): Promise<Bucket[]> {
    const rows = await this.#connection.all(BUCKETS, [archive, owner])
    return rows.map(({ bucket, time }) => ({ first: bucket as bigint, time: Number(time) }))
  }

  async #last(archive: string, owner: string, buckets: readonly Bucket[], upTo: bigint) {
    for (const { first } of buckets.toReversed()) {
      const row = await this.#connection.one(LAST, [archive, owner, first, upTo])
      if (row === undefined) continue
      // Items of an older bucket say nothing of how full the last one is.
      const weight = first === buckets.at(-1)!.first ? (row.weight as number) : 0
      return { id: row.id as bigint, time: Number(row.time), weight }
    }
    return undefined
  }

  /** Counts what has come since the counts were written down. */
  async #countSince(archive: OwnerArchive, upTo: bigint): Promise<void> {
    const row = await this.#connection.one(COUNTED, [archive.archive, archive.owner])
    const from = (row?.upto ?? 0n) as bigint
    const { buckets } = archive
    const wanted = buckets.filter((_, n) => (buckets[n + 1]?.first ?? GREATEST) > from)
    for (const { first } of wanted) {
      const rows = await this.#connection.all(SINCE, [archive.archive, archive.owner, first, from, upTo])
      for (const row of rows) archive.counts.set(row.counted as string, countsOf(row))
      for (const row of rows) archive.changed.add(row.counted as string)
      archive.uncounted += rows.length
    }
  }

  /** Sees to it that the counts of a name are in memory; undefined where they are. */
  loadCounts(archive: OwnerArchive, name: string): Promise<void> | undefined {
    return archive.counts.has(name) ? undefined : this.#readCounts(archive, name)
  }

  async #readCounts(archive: OwnerArchive, name: string): Promise<void> {
    const row = await this.#connection.one(COUNT, [archive.archive, archive.owner, name])
    if (row !== undefined) archive.counts.set(name, countsOf(row))
  }

  /** Sees to it that the keys of the last day are in memory; undefined where they are. */
  loadKeys(archive: OwnerArchive): Promise<void> | undefined {
    return archive.keys === undefined ? this.#readKeys(archive) : undefined
  }

  async #readKeys(archive: OwnerArchive): Promise<void> {
    const oldest = this.#clock.now() - KEY_MS
    const found: [string, Known][] = []
    for (const row of await this.#connection.all(SAVED_KEYS, [archive.archive, archive.owner]))
      found.push([row.key as string, { ...knownOf(row), sequence: 0, unread: 0, saved: true }])
    for (const { first } of archive.buckets.toReversed())
      if (!(await this.#keysOf(archive, first, oldest, found))) break
    found.sort(([, a], [, b]) => (a.id < b.id ? -1 : 1))
    archive.keys = new Map(found)
  }

  /** The keys of one bucket; whether older buckets may hold more. */
  async #keysOf(
    { archive, owner, stored }: OwnerArchive,
    bucket: bigint,
    oldest: number,
    found: [string, Known][],
  ): Promise<boolean> {
    for (let next: string | undefined | null = null; next !== undefined; ) {
      const page: { rows: readonly Found[]; next: string | undefined } = await this.#connection.read(
        KEYS,
        [archive, owner, bucket, stored],
        ROWS_AT_ONCE,
        next ?? undefined,
      )
      for (const row of page.rows) {
        if (Number(row.time) < oldest) return false
        if (row.key !== null)
          found.push([row.key as string, { ...knownOf(row), ...countsOf(row), saved: false }])
      }
      next = page.next
    }
    return true
  }

  /** Writes down what has been counted, so that items before need not be read for it any more. */
  async saveCounts(archive: OwnerArchive): Promise<void> {
    const { term, stored, changed, counts } = archive
    if (changed.size === 0) return
    const names = [...changed]
    const stamp = this.#slots.stamp(term)
    const statements = names.map((name): Statement => {
      const { sequence, unread } = counts.get(name)!
      const params = [archive.archive, archive.owner, stored, name, BigInt(sequence), BigInt(unread), stamp]
      return { query: SAVE_COUNT, params }
    })
    const counted = archive.uncounted
    archive.uncounted = 0
    changed.clear()
    try {
      await this.#connection.write(statements, { until: () => term.until })
    } catch (error) {
      archive.uncounted += counted
      for (const name of names) changed.add(name)
      throw error
    }
  }
}

function countsOf(row: Found): Counts {
  return { sequence: Number(row.sequence), unread: Number(row.unread) }
}

function knownOf(row: Found): { id: bigint; time: number } {
  return { id: row.id as bigint, time: Number(row.time) }
}
