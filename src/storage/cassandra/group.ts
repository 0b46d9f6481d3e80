import type { Committed, Given, Operation } from '../engine.ts'
import { isFurther } from '../marks.ts'
import type { WallClock } from '../types.ts'
import type { Archives } from './archives.ts'
import type { Connection } from './connection.ts'
import type { Kinds } from './kinds.ts'
import type { KnownMarks } from './known-marks.ts'
import { type Append, type Bucket, bucketOf, type Known, nameOf, type OwnerArchive } from './owner-archive.ts'
import { OwnerWrites } from './owner-writes.ts'
import { archiveEntry, type Owners } from './owners.ts'
import type { Slots } from './slots.ts'

const EXISTS = 'SELECT id FROM items WHERE archive = ? AND owner = ? AND bucket = ? AND id = ?'
const REPLACE =
  'UPDATE items USING TIMESTAMP ? SET payload = ? WHERE archive = ? AND owner = ? AND bucket = ? AND id = ?'

type Replace = Extract<Operation, { kind: 'replace' }>
type Raise = Extract<Operation, { kind: 'raise' }>

/** What groups are stored with. */
export interface GroupParts {
  readonly connection: Connection
  readonly slots: Slots
  readonly kinds: Kinds
  readonly owners: Owners
  readonly archives: Archives
  readonly marks: KnownMarks
  readonly clock: WallClock
}

/** One group of commits: what has to be known is read, then all is decided in one turn, then it is stored. */
export class Group {
  readonly #parts: GroupParts
  readonly #now: number
  readonly #owners = new Map<string, OwnerWrites>()
  readonly #archives = new Map<string, OwnerArchive>()
  /** Items to be replaced that are there, with their buckets. */
  readonly #found = new Map<string, Bucket>()
  readonly #grown = new Set<OwnerArchive>()

  constructor(parts: GroupParts) {
    this.#parts = parts
    this.#now = parts.clock.now()
  }

  /** Reads what is not in memory yet. */
  async prepare(operations: readonly Operation[]): Promise<void> {
    for (const { owner } of operations)
      if (!this.#owners.has(owner))
        this.#owners.set(owner, new OwnerWrites(owner, this.#parts.slots.termOf(owner)))
    await this.#openArchives(operations)
    const work: (Promise<void> | undefined)[] = []
    for (const operation of operations) work.push(this.#need(operation))
    await Promise.all(work)
  }

  async #openArchives(operations: readonly Operation[]): Promise<void> {
    const wanted = new Map<string, Append | Replace>()
    for (const operation of operations)
      if (operation.kind === 'append' || operation.kind === 'replace')
        wanted.set(`${operation.archive}\0${operation.owner}`, operation)
    await Promise.all(
      Array.from(wanted, async ([name, { archive, owner }]) => {
        this.#archives.set(name, await this.#parts.archives.open(archive, owner))
      }),
    )
  }

  /** What one operation needs; undefined where all is at hand. */
  #need(operation: Operation): Promise<void> | undefined {
    const { owners, kinds, marks } = this.#parts
    const { owner } = operation
    const { term } = this.#owners.get(owner)!
    switch (operation.kind) {
      case 'append':
        return this.#needForAppend(operation)
      case 'replace':
        return this.#find(operation)
      case 'put':
        return both(kinds.ready(operation.table), owners.add(operation.table, owner, term))
      case 'raise':
        return both(
          both(kinds.ready(operation.table), owners.add(operation.table, owner, term)),
          marks.load(operation.table, owner, operation.key, term),
        )
      case 'delete':
        return undefined
    }
  }

  #needForAppend(append: Append): Promise<void> | undefined {
    const { archives, owners, kinds } = this.#parts
    const archive = this.#archiveOf(append)
    const keyed = append.key !== undefined || append.unless.length > 0
    return both(
      both(archives.loadCounts(archive, nameOf(append)), keyed ? archives.loadKeys(archive) : undefined),
      both(kinds.ready(append.archive), owners.add(archiveEntry(append.archive), append.owner, archive.term)),
    )
  }

  async #find(replace: Replace): Promise<void> {
    const { archive, owner, id } = replace
    const { buckets, stored } = this.#archiveOf(replace)
    const bucket = id > stored ? undefined : bucketOf(buckets, id)
    if (bucket === undefined) return
    const row = await this.#parts.connection.one(EXISTS, [archive, owner, bucket.first, id])
    if (row !== undefined) this.#found.set(`${archive}\0${owner}\0${id}`, bucket)
  }

  #archiveOf({ archive, owner }: Append | Replace): OwnerArchive {
    return this.#archives.get(`${archive}\0${owner}`)!
  }

  /** Decides what becomes of a commit: in the order of the commits, each knows what those before it have done. */
  decide(operations: readonly Operation[]): Committed {
    const appends = operations.filter(operation => operation.kind === 'append')
    const first = appends.map(append => this.#archiveOf(append).firstCopy(append.unless, this.#now))
    if (first.some(known => known !== undefined) && !lacksHalf(appends, first))
      return { repeated: true, given: this.#repeated(appends, first) }
    const given: Given[] = []
    const shared = new Map<Uint8Array, Map<OwnerArchive, Given>>()
    for (const operation of operations) {
      if (operation.kind === 'append') given.push(first[given.length] ?? this.#append(operation, shared))
      else if (operation.kind === 'replace') this.#replace(operation)
      else if (operation.kind === 'raise') this.#raise(operation)
      else this.#write(operation)
    }
    return { repeated: false, given }
  }

  /** What the first copies have. Those that are not in the way may be known by their own keys, or not. */
  #repeated(appends: readonly Append[], first: readonly (Known | undefined)[]): Given[] {
    const { id } = first.find(known => known !== undefined)!
    return appends.map((append, n) => {
      const own = append.key === undefined ? [] : [append.key]
      return first[n] ?? this.#archiveOf(append).firstCopy(own, this.#now) ?? { id, sequence: 0, unread: 0 }
    })
  }

  #append(append: Append, shared: Map<Uint8Array, Map<OwnerArchive, Given>>): Given {
    const archive = this.#archiveOf(append)
    const known = shared.get(append.payload)
    // Both sides of a message to oneself are one item.
    const twin = known?.get(archive)
    if (twin !== undefined) return twin
    const writes = this.#owners.get(append.owner)!
    const { slots } = this.#parts
    if (!this.#grown.has(archive)) writes.cutOff(archive, slots.stamp(archive.term))
    this.#grown.add(archive)
    const stamp = slots.stamp(archive.term)
    const added = archive.add(append, stamp, this.#now)
    const { given } = added
    writes.add(archive, added, stamp)
    shared.set(append.payload, (known ?? new Map<OwnerArchive, Given>()).set(archive, given))
    return given
  }

  #replace(replace: Replace): void {
    const { archive, owner, id, payload } = replace
    const bucket = this.#found.get(`${archive}\0${owner}\0${id}`)
    if (bucket === undefined) return
    const stamp = this.#parts.slots.stamp(this.#archiveOf(replace).term)
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    const params = [stamp, bytes, archive, owner, bucket.first, id]
    this.#owners.get(owner)!.item(`${archive} ${bucket.first}`, { query: REPLACE, params })
  }

  #raise({ table, owner, key, json }: Raise): void {
    const writes = this.#owners.get(owner)!
    const cell = writes.cells.get(`${table}\0${key}`)
    const now = cell === undefined ? this.#parts.marks.get(table, owner, key) : (cell.json ?? '')
    if (isFurther(json, now)) writes.cell({ table, key, json, expires: null, mark: true })
  }

  #write(operation: Extract<Operation, { kind: 'put' | 'delete' }>): void {
    const { table, owner } = operation
    const writes = this.#owners.get(owner)!
    if (operation.kind === 'put') writes.cell({ ...operation, mark: false })
    else
      for (const key of operation.keys)
        writes.cell({ table, key, json: undefined, expires: null, mark: operation.of === 'mark' })
  }

  /** Stores what was decided. When it rejects, nothing of it counts. */
  async store(): Promise<void> {
    const { connection, slots, archives } = this.#parts
    const writing = Array.from(this.#owners.values(), writes =>
      writes.store(connection, slots.stamp(writes.term), this.#now),
    )
    // All have ended before anybody's turn comes.
    const failed = (await Promise.allSettled(writing)).find(({ status }) => status === 'rejected')
    for (const archive of this.#grown) {
      if (failed === undefined) archives.confirm(archive)
      else archives.doubt(archive)
    }
    for (const [owner, { cells, term }] of this.#owners)
      for (const { table, key, json, mark } of cells.values()) {
        if (!mark) continue
        if (failed === undefined) this.#parts.marks.set(table, owner, key, term, json ?? '')
        else this.#parts.marks.drop(table, owner, key)
      }
    if (failed?.status === 'rejected') throw failed.reason
  }
}

/**
 * Whether a repeated commit lacks what was for one of its owners: a home that died in it had stored a part, since a commit is atomic for each
 * owner alone. Whoever sends it again, having no answer, completes it. Each owner's part has to be known by a key of its own for that.
 */
function lacksHalf(appends: readonly Append[], first: readonly (Known | undefined)[]): boolean {
  const found = new Set(appends.filter((_, n) => first[n] !== undefined).map(({ owner }) => owner))
  return appends.some(
    ({ key, unless, owner }) => !found.has(owner) && key !== undefined && unless.includes(key),
  )
}

/** Waits for both, if there is anything to wait for. */
function both(one: Promise<void> | undefined, other: Promise<void> | undefined): Promise<void> | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Promise.all([one, other]).then(() => undefined)
}
