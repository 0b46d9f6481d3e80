/** What commits are on their way to another thread (sqlite/) or process (shared/): a flat array of cells and joined payloads. */

/** A text or a number. */
export type Cell = string | number | null

/** Collects payloads, each once per commit. */
export class Payloads {
  readonly #parts: Uint8Array[] = []
  readonly #places = new Map<Uint8Array, number>()
  #length = 0

  /** Where the payload will be. */
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

  /** Bytes of all of them. */
  get length(): number {
    return this.#length
  }

  /** Copies them to where they belong, from `at` on, where there is room for `length` bytes. */
  copyTo(bytes: Uint8Array, at: number): void {
    let end = at
    for (const part of this.#parts) {
      bytes.set(part, end)
      end += part.byteLength || 1
    }
  }
}

/** Reads cells one after another, and with them their payloads. */
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

  texts(count: number): string[] {
    this.#next += count
    return this.#cells.slice(this.#next - count, this.#next) as string[]
  }

  optional<C extends Cell>(): C | undefined {
    return (this.#cells[this.#next++] ?? undefined) as C | undefined
  }

  /** The payload at a place; in a commit the same place is the same object. */
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
