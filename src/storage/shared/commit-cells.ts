/** Commits and what they gave, as cells. Each operation begins with its kind and its owner. */
import type { Cell, CellReader, Payloads } from '../cells.ts'
import type { Committed, Given, Operation } from '../engine.ts'

const KIND = { put: 0, raise: 1, delete: 2, append: 3, replace: 4 } as const

/** What an append says beside its texts. */
const APPEND = { unread: 1, byOwner: 2, key: 4, unlessItself: 8 } as const

type Append = Extract<Operation, { kind: 'append' }>

const NONE: readonly string[] = []

/** Writes a commit. */
export function writeCommit(operations: readonly Operation[], cells: Cell[], payloads: Payloads): void {
  cells.push(operations.length)
  for (const operation of operations) writeOperation(operation, cells, payloads)
  payloads.endCommit()
}

function writeOperation(operation: Operation, cells: Cell[], payloads: Payloads): void {
  cells.push(KIND[operation.kind], operation.owner)
  switch (operation.kind) {
    case 'put':
      cells.push(operation.table, operation.key, operation.json, operation.expires)
      break
    case 'raise':
      cells.push(operation.table, operation.key, operation.json)
      break
    case 'delete':
      cells.push(operation.table, operation.of, operation.keys.length, ...operation.keys)
      break
    case 'append':
      writeAppend(operation, cells, payloads)
      break
    case 'replace':
      cells.push(operation.archive, idCell(operation.id))
      cells.push(payloads.place(operation.payload), operation.payload.byteLength)
  }
}

function writeAppend(append: Append, cells: Cell[], payloads: Payloads): void {
  const { archive, peer, payload, key, unless } = append
  const itself = key !== undefined && unless.length === 1 && unless[0] === key
  const says =
    (append.unread ? APPEND.unread : 0) |
    (append.counted === 'owner' ? APPEND.byOwner : 0) |
    (key === undefined ? 0 : APPEND.key) |
    (itself ? APPEND.unlessItself : 0)
  cells.push(archive, peer, payloads.place(payload), payload.byteLength, says)
  if (key === undefined) return
  cells.push(key)
  if (!itself) cells.push(unless.length, ...unless)
}

/** Reads a commit. Payloads that were one object are one object again. */
export function readCommit(cells: CellReader): Operation[] {
  const operations: Operation[] = []
  for (let count = cells.number(); count > 0; count--) operations.push(readOperation(cells))
  cells.endCommit()
  return operations
}

function readOperation(cells: CellReader): Operation {
  const kind = cells.number()
  const owner = cells.text()
  switch (kind) {
    case KIND.append:
      return readAppend(owner, cells)
    case KIND.put:
      return { kind: 'put', owner, ...readRow(cells), expires: cells.optional<number>() ?? null }
    case KIND.raise:
      return { kind: 'raise', owner, ...readRow(cells) }
    case KIND.delete: {
      const table = cells.text()
      const of = cells.text() as 'lww' | 'mark'
      return { kind: 'delete', owner, table, of, keys: cells.texts(cells.number()) }
    }
    case KIND.replace:
      return { kind: 'replace', owner, archive: cells.text(), id: readId(cells), payload: cells.payload() }
    default:
      throw new TypeError('an operation of no known kind')
  }
}

function readRow(cells: CellReader): { table: string; key: string; json: string } {
  return { table: cells.text(), key: cells.text(), json: cells.text() }
}

function readAppend(owner: string, cells: CellReader): Append {
  const archive = cells.text()
  const peer = cells.text()
  const payload = cells.payload()
  const says = cells.number()
  const unread = (says & APPEND.unread) !== 0
  const counted = (says & APPEND.byOwner) === 0 ? 'peer' : 'owner'
  const key = (says & APPEND.key) === 0 ? undefined : cells.text()
  const unless =
    key === undefined ? NONE : (says & APPEND.unlessItself) === 0 ? cells.texts(cells.number()) : [key]
  return { kind: 'append', owner, archive, peer, payload, unread, counted, key, unless }
}

/** Writes what became of a commit. */
export function writeCommitted({ repeated, given }: Committed, cells: Cell[]): void {
  cells.push(repeated ? 1 : 0, given.length)
  for (const { id, sequence, unread } of given) cells.push(idCell(id), sequence, unread)
}

/** Reads what became of a commit. */
export function readCommitted(cells: CellReader): Committed {
  const repeated = cells.number() === 1
  const given: Given[] = []
  for (let count = cells.number(); count > 0; count--)
    given.push({ id: readId(cells), sequence: cells.number(), unread: cells.number() })
  return { repeated, given }
}

/** An id as a number where that is exact, else as text. */
export function idCell(id: bigint): Cell {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : id.toString()
}

/** The id in the next cell. */
export function readId(cells: CellReader): bigint {
  return BigInt(cells.optional<string | number>() ?? 0)
}
