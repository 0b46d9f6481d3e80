/**
 * A group of commits on its way to the writer thread: one flat array of texts and numbers and one joined buffer of payloads.
 * That is the cheapest thing `postMessage` can copy (0.5 us a row; an object or a buffer per row costs several times that).
 */
import type { Operation } from '../engine.ts'
import type { PlainError } from './errors.ts'

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

type Cell = string | number | null

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
  /** Stored; the ids of its appends in their order, and for compare-and-set whether the row was as expected. */
  { readonly ids: readonly number[]; readonly swapped: boolean } | { readonly error: PlainError }

const PUT = 0
const DELETE = 1
const APPEND = 2
const SWAP = 3

/** Packs commits. */
export function encodeGroup(commits: readonly (readonly WriterOperation[])[], now: number): GroupMessage {
  const cells: Cell[] = []
  const payloads = new Payloads()
  for (const operations of commits) {
    cells.push(operations.length)
    for (const operation of operations) encodeOperation(operation, cells, payloads)
    payloads.endCommit()
  }
  return { kind: 'group', now, cells, bytes: payloads.joined() }
}

function encodeOperation(operation: WriterOperation, cells: Cell[], payloads: Payloads): void {
  const { owner } = operation
  switch (operation.kind) {
    case 'put':
      cells.push(PUT, owner, operation.table, operation.key, operation.json, operation.expires)
      break
    case 'delete':
      cells.push(DELETE, owner, operation.table, operation.keys.length)
      for (const key of operation.keys) cells.push(key)
      break
    case 'append':
      cells.push(APPEND, owner, operation.archive, operation.peer, payloads.place(operation.payload))
      cells.push(operation.payload.byteLength)
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

/** Unpacks what `encodeGroup` packed. Payloads that were one object in a commit are one object again. */
export function decodeGroup({ cells, bytes }: GroupMessage): WriterOperation[][] {
  const commits: WriterOperation[][] = []
  const reader = new CellReader(cells, bytes)
  while (reader.more) {
    const operations: WriterOperation[] = []
    for (let count = reader.number(); count > 0; count--) operations.push(decodeOperation(reader))
    commits.push(operations)
    reader.endCommit()
  }
  return commits
}

function decodeOperation(cells: CellReader): WriterOperation {
  const code = cells.number()
  const owner = cells.text()
  if (code === APPEND)
    return { kind: 'append', owner, archive: cells.text(), peer: cells.text(), payload: cells.payload() }
  const table = cells.text()
  if (code === DELETE) return { kind: 'delete', owner, table, keys: cells.texts(cells.number()) }
  const row = { owner, table, key: cells.text() }
  if (code === PUT)
    return { kind: 'put', ...row, json: cells.text(), expires: cells.optional<number>() ?? null }
  return { kind: 'swap', ...row, expected: cells.optional<string>(), json: cells.optional<string>() }
}

/** Collects payloads, each once per commit. */
class Payloads {
  readonly #parts: Uint8Array[] = []
  readonly #places = new Map<Uint8Array, number>()
  #length = 0

  place(payload: Uint8Array): number {
    const known = this.#places.get(payload)
    if (known !== undefined) return known
    const place = this.#length
    this.#places.set(payload, place)
    this.#parts.push(payload)
    // An empty payload takes a byte too: the place tells payloads apart.
    this.#length += payload.byteLength || 1
    return place
  }

  endCommit(): void {
    if (this.#places.size > 0) this.#places.clear()
  }

  joined(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.byteLength || 1
    }
    return bytes
  }
}

class CellReader {
  readonly #cells: readonly Cell[]
  readonly #bytes: Uint8Array
  readonly #payloads = new Map<number, Uint8Array>()
  #next = 0

  constructor(cells: readonly Cell[], bytes: Uint8Array) {
    this.#cells = cells
    this.#bytes = bytes
  }

  get more(): boolean {
    return this.#next < this.#cells.length
  }

  number(): number {
    return this.#cells[this.#next++] as number
  }

  text(): string {
    return this.#cells[this.#next++] as string
  }

  texts(count: number): string[] {
    this.#next += count
    return this.#cells.slice(this.#next - count, this.#next) as string[]
  }

  optional<C extends Cell>(): C | undefined {
    return (this.#cells[this.#next++] ?? undefined) as C | undefined
  }

  payload(): Uint8Array {
    const place = this.number()
    const length = this.number()
    const known = this.#payloads.get(place)
    if (known !== undefined) return known
    const payload = this.#bytes.subarray(place, place + length)
    this.#payloads.set(place, payload)
    return payload
  }

  endCommit(): void {
    if (this.#payloads.size > 0) this.#payloads.clear()
  }
}
