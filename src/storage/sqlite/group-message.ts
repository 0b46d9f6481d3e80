/**
 * A group of commits on its way to the writer thread: one flat array of texts and numbers and one joined buffer of payloads.
 * That is the cheapest thing `postMessage` can copy (0.5 us a row; an object or a buffer per row costs several times that).
 */
import { hash } from 'node:crypto'
import { type Cell, Payloads } from '../cells.ts'
import type { Operation } from '../engine.ts'
import type { PlainError } from './errors.ts'
import { GroupCells } from './group-cells.ts'
import type { Key } from './log-rows.ts'

/** What the writer does: the operations of a commit, and compare-and-set. */
export type WriterOperation =
  | Operation
  | {
      readonly kind: 'swap'
      readonly table: string
      readonly owner: string
      readonly key: string
      readonly expected: string | undefined
      readonly json: string | undefined
    }

/** An append as it arrives at the writer. */
export interface PackedAppend {
  readonly kind: 'append'
  readonly owner: string
  readonly archive: string
  readonly peer: string
  readonly payload: Uint8Array
  readonly unread: boolean
  /** Counted with all that the owner counts so, not with the peer. */
  readonly byOwner: boolean
  readonly key: Key | undefined
  readonly unless: readonly Key[]
}

/** A tombstone as it arrives at the writer. */
export interface PackedReplace {
  readonly kind: 'replace'
  readonly owner: string
  readonly archive: string
  readonly id: number
  readonly payload: Uint8Array
}

/** An operation as it arrives at the writer. */
export type PackedOperation =
  | Exclude<WriterOperation, { kind: 'append' | 'replace' }>
  | PackedAppend
  | PackedReplace

/** The message. `cells` holds, commit by commit, the number of operations and then each operation. */
export interface GroupMessage {
  readonly kind: 'group'
  /** The wall clock when the group was sent, ms since 1970. */
  readonly now: number
  readonly cells: readonly Cell[]
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What became of one commit. */
export type Outcome =
  /**
   * Stored, or `repeated` (see `Unique`); `given` has three numbers for each of its appends, in their order: id, sequence, unread.
   * `swapped`: for compare-and-set, whether the row was as expected.
   */
  | { readonly given: readonly number[]; readonly repeated: boolean; readonly swapped: boolean }
  | { readonly error: PlainError }

const PUT = 0
const DELETE = 1
const APPEND = 2
const SWAP = 3
const RAISE = 4
const REPLACE = 5

/** What an append says beside its texts. */
const APPENDS = { unread: 1, byOwner: 2, key: 4, unlessItself: 8 } as const

const NONE: readonly Key[] = []

/** Packs commits. */
export function encodeGroup(commits: readonly (readonly WriterOperation[])[], now: number): GroupMessage {
  const cells: Cell[] = []
  const payloads = new Payloads()
  for (const operations of commits) {
    cells.push(operations.length)
    for (const operation of operations) encodeOperation(operation, cells, payloads)
    payloads.endCommit()
  }
  const bytes = new Uint8Array(payloads.length)
  payloads.copyTo(bytes, 0)
  return { kind: 'group', now, cells, bytes }
}

function encodeOperation(operation: WriterOperation, cells: Cell[], payloads: Payloads): void {
  const { owner } = operation
  switch (operation.kind) {
    case 'put':
      cells.push(PUT, owner, operation.table, operation.key, operation.json, operation.expires)
      break
    case 'delete':
      cells.push(DELETE, owner, operation.table, operation.of, operation.keys.length)
      for (const key of operation.keys) cells.push(key)
      break
    case 'raise':
      cells.push(RAISE, owner, operation.table, operation.key, operation.json)
      break
    case 'append':
      encodeAppend(operation, cells, payloads)
      break
    case 'replace':
      cells.push(REPLACE, owner, operation.archive, idNumber(operation.id))
      cells.push(payloads.place(operation.payload), operation.payload.byteLength)
      break
    case 'swap':
      cells.push(
        SWAP,
        owner,
        operation.table,
        operation.key,
        operation.expected ?? null,
        operation.json ?? null,
      )
  }
}

function encodeAppend(
  append: Extract<Operation, { kind: 'append' }>,
  cells: Cell[],
  payloads: Payloads,
): void {
  const { owner, archive, peer, payload, key, unless } = append
  const itself = key !== undefined && unless.length === 1 && unless[0] === key
  const says =
    (append.unread ? APPENDS.unread : 0) |
    (append.counted === 'owner' ? APPENDS.byOwner : 0) |
    (key === undefined ? 0 : APPENDS.key) |
    (itself ? APPENDS.unlessItself : 0)
  cells.push(APPEND, owner, archive, peer, payloads.place(payload), payload.byteLength, says)
  if (key === undefined) return
  pushHash(cells, archive, key)
  if (itself) return
  cells.push(unless.length)
  for (const other of unless) pushHash(cells, archive, other)
}

/** 64 bits of a hash, as two numbers: nobody can make two keys that are taken for one, and all are of one size. */
function pushHash(cells: Cell[], archive: string, key: string): void {
  const digest = hash('sha256', `${archive}\0${key}`, 'buffer')
  cells.push(digest.readInt32BE(0), digest.readInt32BE(4))
}

/** An id as the log has it; 0, which no item has, for one that it cannot have. */
function idNumber(id: bigint): number {
  return id > 0n && id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : 0
}

/** Unpacks what `encodeGroup` packed. Payloads that were one object in a commit are one object again. */
export function decodeGroup({ cells, bytes }: GroupMessage): PackedOperation[][] {
  const commits: PackedOperation[][] = []
  const reader = new GroupCells(cells, bytes)
  while (reader.more) {
    const operations: PackedOperation[] = []
    for (let count = reader.number(); count > 0; count--) operations.push(decodeOperation(reader))
    commits.push(operations)
    reader.endCommit()
  }
  return commits
}

function decodeOperation(cells: GroupCells): PackedOperation {
  const code = cells.number()
  const owner = cells.text()
  if (code === APPEND) return decodeAppend(owner, cells)
  if (code === REPLACE)
    return { kind: 'replace', owner, archive: cells.text(), id: cells.number(), payload: cells.payload() }
  const table = cells.text()
  if (code === DELETE)
    return {
      kind: 'delete',
      owner,
      table,
      of: cells.text() as 'lww' | 'mark',
      keys: cells.texts(cells.number()),
    }
  const row = { owner, table, key: cells.text() }
  if (code === RAISE) return { kind: 'raise', ...row, json: cells.text() }
  if (code === PUT)
    return { kind: 'put', ...row, json: cells.text(), expires: cells.optional<number>() ?? null }
  return { kind: 'swap', ...row, expected: cells.optional<string>(), json: cells.optional<string>() }
}

function decodeAppend(owner: string, cells: GroupCells): PackedAppend {
  const archive = cells.text()
  const peer = cells.text()
  const payload = cells.payload()
  const says = cells.number()
  const unread = (says & APPENDS.unread) !== 0
  const byOwner = (says & APPENDS.byOwner) !== 0
  const key = (says & APPENDS.key) === 0 ? undefined : cells.hash()
  const unless = key === undefined ? NONE : (says & APPENDS.unlessItself) !== 0 ? [key] : cells.hashes()
  return { kind: 'append', owner, archive, peer, payload, unread, byOwner, key, unless }
}
