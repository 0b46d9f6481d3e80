/** The two parts of a group on its way to the writer: cells and joined payloads. */
import type { Key } from './log-rows.ts'

/** A text or a number. */
export type Cell = string | number | null

/** Collects payloads, each once per commit. */
export class Payloads {
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

/** Reads the cells of a group one after another, and with them its payloads. */
export class CellReader {
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

  hash(): Key {
    return { high: this.number(), low: this.number() }
  }

  hashes(): Key[] {
    const hashes: Key[] = []
    for (let count = this.number(); count > 0; count--) hashes.push(this.hash())
    return hashes
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
