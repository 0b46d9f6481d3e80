import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { transaction } from './database.ts'

/** Rows per step at most, and how long a step may take, ms: large payloads take longer. */
export const STEP_ROWS = 200
const STEP_MS = 4

/** Erases some of these rows in one transaction; how many. */
export function eraseSome<R>(db: DatabaseSync, rows: readonly R[], erase: (row: R) => void): number {
  const end = performance.now() + STEP_MS
  return transaction(db, () => {
    let done = 0
    do erase(rows[done++]!)
    while (done < rows.length && performance.now() < end)
    return done
  })
}

/** Repeats a query and erases what it finds until it finds nothing. */
export function* eraseAll(
  db: DatabaseSync,
  query: StatementSync,
  erase: (row: Record<string, SQLOutputValue>) => void,
): Generator<void> {
  for (let found = query.all(); found.length > 0; found = query.all()) {
    eraseSome(db, found, erase)
    yield
  }
}
