/** What a disk holds after a power cut, made from the journal of power-cut.c. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Types of records, as in power-cut.c. */
const KNOWN = 1
const CREATE = 2
const WRITE = 3
const TRUNCATE = 4
const SYNC = 5
const UNLINK = 6
const RENAME = 7
const SYNC_FOLDER = 8
const MKDIR = 9

const HEADER_BYTES = 32
/** What a disk writes as a whole. */
const SECTOR = 512

interface JournalRecord {
  readonly type: number
  readonly file: number
  readonly offset: number
  readonly name: string
  readonly second: string
  readonly data: Buffer
}

type Change = { readonly offset: number; readonly data: Buffer } | { readonly size: number }

/** What happened to one file: a durable part, and changes since its last sync. */
interface FileState {
  durable: Buffer
  pending: Change[]
}

/** A change of names; it becomes durable when its folder is synced. `file` 0 is a folder, `undefined` removes. */
interface NameChange {
  readonly name: string
  readonly file: number | undefined
}

/** What the disk may have kept of the changes that were not synced. */
export interface Luck {
  /** Whether a change of names was kept. */
  name(): boolean
  /** Whether a sector of a write, or a truncation, was kept. */
  sector(): boolean
}

/** A disk that keeps nothing but what was synced. */
export const STRICT: Luck = { name: () => false, sector: () => false }

/** A disk that keeps any part of the rest. `seed` makes it the same each time. */
export function randomLuck(seed: number): Luck {
  let state = (seed * 7919 + 17) % 2_147_483_647
  const chance = (share: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647 < share
  }
  const kept = [0.1, 0.5, 0.9][seed % 3]!
  return { name: () => chance(0.5), sector: () => chance(kept) }
}

/** The disk as the journal left it. */
export class DiskImage {
  readonly #root: string
  readonly #files = new Map<number, FileState>()
  readonly #names = new Map<string, number>()
  #pendingNames: NameChange[] = []
  #syncs = 0

  /** `base`: a copy of what was below `root` when the journal began; all of it is durable. */
  constructor(root: string, base: string, journal: Buffer) {
    this.#root = root
    this.#names.set(root, 0)
    for (const record of records(journal)) this.#apply(record, base)
  }

  /** How many syncs of files there were. */
  get syncs(): number {
    return this.#syncs
  }

  /** Writes the files below the root into a folder. */
  writeTo(folder: string, luck: Luck): void {
    const names = new Map(this.#names)
    for (const change of this.#pendingNames) if (luck.name()) rename(names, change)
    mkdirSync(folder, { recursive: true })
    const inOrder = [...names].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [name, file] of inOrder) {
      // What lies in a folder that is not there is lost.
      if (name === this.#root || names.get(dirname(name)) !== 0) continue
      const target = join(folder, name.slice(this.#root.length))
      if (file === 0) mkdirSync(target, { recursive: true })
      else writeFileSync(target, contents(this.#files.get(file)!, luck))
    }
  }

  #apply(record: JournalRecord, base: string): void {
    const { type, file, offset, name, second, data } = record
    if (type === KNOWN) this.#know(file, name, base)
    else if (type === CREATE) {
      this.#files.set(file, { durable: Buffer.alloc(0), pending: [] })
      this.#pendingNames.push({ name, file })
    } else if (type === MKDIR) this.#pendingNames.push({ name, file: 0 })
    else if (type === UNLINK) this.#pendingNames.push({ name, file: undefined })
    else if (type === RENAME) this.#pendingNames.push({ name, file: undefined }, { name: second, file })
    else if (type === WRITE) this.#files.get(file)!.pending.push({ offset, data })
    else if (type === TRUNCATE) this.#files.get(file)!.pending.push({ size: offset })
    else if (type === SYNC) this.#sync(this.#files.get(file)!)
    else if (type === SYNC_FOLDER) this.#syncFolder(name)
    else throw new Error(`no such record: ${type}`)
  }

  #know(file: number, name: string, base: string): void {
    this.#files.set(file, { durable: readFileSync(join(base, name.slice(this.#root.length))), pending: [] })
    this.#names.set(name, file)
    for (let folder = dirname(name); folder.length > this.#root.length; folder = dirname(folder))
      this.#names.set(folder, 0)
  }

  #sync(state: FileState): void {
    state.durable = contents(state, { name: () => true, sector: () => true })
    state.pending = []
    this.#syncs++
  }

  #syncFolder(folder: string): void {
    const inside = (change: NameChange) => dirname(change.name) === folder
    for (const change of this.#pendingNames.filter(inside)) rename(this.#names, change)
    this.#pendingNames = this.#pendingNames.filter(change => !inside(change))
  }
}

function rename(names: Map<string, number>, { name, file }: NameChange): void {
  if (file === undefined) names.delete(name)
  else names.set(name, file)
}

function contents({ durable, pending }: FileState, luck: Luck): Buffer {
  const ends = pending.map(change => ('size' in change ? change.size : change.offset + change.data.length))
  const bytes = Buffer.alloc(Math.max(durable.length, ...ends))
  durable.copy(bytes)
  let size = durable.length
  for (const change of pending) {
    if ('size' in change) {
      if (!luck.sector()) continue
      if (change.size < size) bytes.fill(0, change.size, size)
      size = change.size
      continue
    }
    const { offset, data } = change
    for (let at = 0; at < data.length; ) {
      const length = Math.min(data.length - at, SECTOR - ((offset + at) % SECTOR))
      if (luck.sector()) {
        data.copy(bytes, offset + at, at, at + length)
        size = Math.max(size, offset + at + length)
      }
      at += length
    }
  }
  return bytes.subarray(0, size)
}

function* records(journal: Buffer): Generator<JournalRecord> {
  let at = 0
  // The last record may have been cut short by the kill.
  while (at + HEADER_BYTES <= journal.length) {
    const nameStart = at + HEADER_BYTES
    const secondStart = nameStart + journal.readUInt32LE(at + 24)
    const dataStart = secondStart + journal.readUInt32LE(at + 28)
    const end = dataStart + Number(journal.readBigUInt64LE(at + 16))
    if (end > journal.length) return
    yield {
      type: journal.readUInt32LE(at),
      file: journal.readUInt32LE(at + 4),
      offset: Number(journal.readBigUInt64LE(at + 8)),
      name: journal.toString('utf8', nameStart, secondStart),
      second: journal.toString('utf8', secondStart, dataStart),
      data: journal.subarray(dataStart, end),
    }
    at = end
  }
}
