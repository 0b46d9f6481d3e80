/** Pages of rows and of archives as cells. */
import type { Cell, CellReader, Payloads } from '../cells.ts'
import type { ArchivedRow, HistoryPage, Row } from '../engine.ts'
import type { Page } from '../types.ts'
import { idCell, readId } from './commit-cells.ts'

/** Writes a page of rows. */
export function writeRows({ items, more }: Page<Row>, cells: Cell[]): void {
  cells.push(more ? 1 : 0, items.length)
  for (const { key, json, expires } of items) cells.push(key, json, expires ?? null)
}

/** Reads a page of rows. */
export function readRows(cells: CellReader): Page<Row> {
  const more = cells.number() === 1
  const items: Row[] = []
  for (let count = cells.number(); count > 0; count--) items.push(readRow(cells))
  return { items, more }
}

function readRow(cells: CellReader): Row {
  const row = { key: cells.text(), json: cells.text() }
  const expires = cells.optional<number>()
  return expires === undefined ? row : { ...row, expires }
}

/** Writes a page of an archive. */
export function writeHistory({ items, more, total }: HistoryPage, cells: Cell[], payloads: Payloads): void {
  cells.push(more ? 1 : 0, total ?? null, items.length)
  for (const { id, time, peer, payload, sequence, unread } of items)
    cells.push(idCell(id), time, peer, payloads.place(payload), payload.byteLength, sequence, unread)
  payloads.endCommit()
}

/** Reads a page of an archive. */
export function readHistory(cells: CellReader): HistoryPage {
  const more = cells.number() === 1
  const total = cells.optional<number>()
  const items: ArchivedRow[] = []
  for (let count = cells.number(); count > 0; count--) items.push(readArchived(cells))
  cells.endCommit()
  return { items, more, ...(total !== undefined && { total }) }
}

function readArchived(cells: CellReader): ArchivedRow {
  return {
    id: readId(cells),
    time: cells.number(),
    peer: cells.text(),
    payload: cells.payload(),
    sequence: cells.number(),
    unread: cells.number(),
  }
}
