import { MAX_PAGE_BYTES } from './checks.ts'
import type { Page } from './types.ts'

/** Something per table or archive and owner. */
export class Grid<V> {
  readonly #rows = new Map<string, Map<string, V>>()
  readonly #empty: () => V

  constructor(empty: () => V) {
    this.#empty = empty
  }

  row(name: string): Map<string, V> {
    const row = this.#rows.get(name) ?? new Map<string, V>()
    this.#rows.set(name, row)
    return row
  }

  find(name: string, owner: string): V | undefined {
    return this.#rows.get(name)?.get(owner)
  }

  at(name: string, owner: string): V {
    const row = this.row(name)
    const value = row.get(owner) ?? this.#empty()
    row.set(owner, value)
    return value
  }

  keep(name: string, owner: string, change: (value: V) => V): void {
    const value = this.find(name, owner)
    if (value !== undefined) this.row(name).set(owner, change(value))
  }

  drop(owner: string): void {
    for (const row of this.#rows.values()) row.delete(owner)
  }
}

/** The first rows, up to a number of them and up to a number of bytes. */
export function cut<R>(rows: readonly R[], limit: number, bytesOf: (row: R) => number): Page<R> {
  let bytes = 0
  let end = 0
  while (end < Math.min(limit, rows.length) && bytes < MAX_PAGE_BYTES) bytes += bytesOf(rows[end++]!)
  return { items: rows.slice(0, end), more: end < rows.length }
}
