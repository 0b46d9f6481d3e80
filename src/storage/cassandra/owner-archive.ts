import type { Given, MovedRow, Operation } from '../engine.ts'
import type { Statement } from './connection.ts'
import type { Term } from './slots.ts'

export type Append = Extract<Operation, { kind: 'append' }>

/** How long keys are kept, ms. */
export const KEY_MS = 86_400_000
/** Keys of one owner that are kept in memory: of more than so many a day the oldest are forgotten. */
const MOST_KEYS = 100_000
/** A bucket takes items of so much weight: an item is one, and one more for each 4 KiB. So a partition holds some 32 MiB at most. */
const FULL = 8_192
const WEIGHT_BYTES = 4_096

const ADD = `INSERT INTO items
  (archive, owner, bucket, id, time, peer, resource, payload, counted, sequence, unread, key, weight)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`

/** Items of an owner in one partition: those from `first` on, up to the next bucket. */
export interface Bucket {
  readonly first: bigint
  /** When its first item was archived. */
  readonly time: number
}

/** How many items were counted together, and how many of them are unread. */
export interface Counts {
  readonly sequence: number
  readonly unread: number
}

/** What is known by a key (`Unique`). */
export interface Known extends Given {
  readonly time: number
  /** Whether it is written down apart from its item, and outlives that. */
  saved: boolean
}

/** What has become of an item. */
export interface Added {
  readonly given: Given
  readonly bucket: Bucket
  /** Whether the bucket begins with it. */
  readonly isNew: boolean
  readonly statement: Statement
}

/** The end of an archive of one owner, as its home has it in memory: all that the next item needs. Changed in the owner's lane alone. */
export class OwnerArchive {
  readonly archive: string
  readonly owner: string
  /** In which it was read; in another term it has to be read again. */
  readonly term: Term
  readonly buckets: Bucket[]
  /** The newest item that is stored for sure; 0 for none. What is newer is shown to nobody. */
  stored: bigint
  /** The newest item that was given an id. */
  last: bigint
  /** Whether rows after `stored` may turn up that a former home, or an attempt that failed, has sent. */
  loose = true
  /** Items since the counts were written down. */
  uncounted = 0
  /** Names whose counts have changed since. */
  readonly changed = new Set<string>()
  readonly counts = new Map<string, Counts>()
  /** Undefined until they are needed. Oldest first. */
  keys: Map<string, Known> | undefined
  #time: number
  #weight: number

  constructor(parts: {
    readonly archive: string
    readonly owner: string
    readonly term: Term
    readonly buckets: Bucket[]
    readonly last: { readonly id: bigint; readonly time: number; readonly weight: number } | undefined
  }) {
    this.archive = parts.archive
    this.owner = parts.owner
    this.term = parts.term
    this.buckets = parts.buckets
    this.stored = this.last = parts.last?.id ?? 0n
    this.#time = parts.last?.time ?? 0
    this.#weight = parts.last?.weight ?? FULL
  }

  /** When the newest item was archived; 0 for none. */
  get time(): number {
    return this.#time
  }

  /** What the first copy of an item has, if there is one. */
  firstCopy(unless: readonly string[], now: number): Known | undefined {
    for (const key of unless) {
      const known = this.keys?.get(key)
      if (known !== undefined && known.time >= now - KEY_MS) return known
    }
    return undefined
  }

  /** Adds an item at the end: what it is given, and what stores it. `stamp`: greater than every one before. */
  add(append: Append, stamp: bigint, now: number): Added {
    const { key } = append
    const before = this.counts.get(nameOf(append)) ?? { sequence: 0, unread: 0 }
    const counts = { sequence: before.sequence + 1, unread: before.unread + (append.unread ? 1 : 0) }
    const time = Math.max(this.#time, Math.floor(now))
    const given = { id: stamp, ...counts }
    if (key !== undefined) this.#remember(key, { ...given, time, saved: false }, now)
    return this.#added({ ...append, ...given, time }, key ?? null, stamp)
  }

  /** Adds an item of another storage, as it was there. */
  restore(row: MovedRow, stamp: bigint): Added {
    return this.#added({ ...row, owner: this.owner }, null, stamp)
  }

  #added(row: MovedRow & { readonly owner: string }, key: string | null, stamp: bigint): Added {
    const { id, time, peer, payload, sequence, unread } = row
    const newest = this.buckets.at(-1)
    const bucket = this.#bucketFor(id, time)
    const name = nameOf(row)
    this.counts.set(name, { sequence, unread })
    this.changed.add(name)
    this.uncounted++
    this.last = id
    this.#time = time
    this.#weight += 1 + Math.floor(payload.byteLength / WEIGHT_BYTES)
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    const params = [
      ...[this.archive, this.owner, bucket.first, id, BigInt(time), bare(peer), resourceOf(peer), bytes],
      ...[name, BigInt(sequence), BigInt(unread), key, this.#weight, stamp],
    ]
    const given = { id, sequence, unread }
    return { given, bucket, isNew: bucket !== newest, statement: { query: ADD, params } }
  }

  /** The bucket of an item that follows: another one in another month (UTC), or when the last one is full. */
  #bucketFor(id: bigint, time: number): Bucket {
    const last = this.buckets.at(-1)
    if (last !== undefined && this.#weight < FULL && monthOf(last.time) === monthOf(time)) return last
    const bucket = { first: id, time }
    this.buckets.push(bucket)
    this.#weight = 0
    return bucket
  }

  #remember(key: string, known: Known, now: number): void {
    this.keys ??= new Map()
    for (const [old, { time }] of this.keys) {
      if (time >= now - KEY_MS && this.keys.size < MOST_KEYS) break
      this.keys.delete(old)
    }
    this.keys.delete(key)
    this.keys.set(key, known)
  }

  /** All that was given is stored. */
  confirm(): void {
    this.stored = this.last
    this.loose = false
  }
}

/** What an item is counted with. */
export function nameOf({ counted, owner, peer }: Pick<Append, 'counted' | 'owner' | 'peer'>): string {
  return counted === 'owner' ? owner : bare(peer)
}

/** The bucket that an id would be in. */
export function bucketOf(buckets: readonly Bucket[], id: bigint): Bucket | undefined {
  return buckets.findLast(({ first }) => first <= id)
}

function bare(peer: string): string {
  const slash = peer.indexOf('/')
  return slash < 0 ? peer : peer.slice(0, slash)
}

function resourceOf(peer: string): string {
  const slash = peer.indexOf('/')
  return slash < 0 ? '' : peer.slice(slash + 1)
}

function monthOf(time: number): number {
  const date = new Date(time)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}
