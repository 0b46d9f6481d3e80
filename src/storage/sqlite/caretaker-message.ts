/** What the caretaker thread and its owner say to each other. To it: a `close`, when its answer is there or not wanted any more. */
import type { PlainError } from './errors.ts'

/** What it does. */
export type Care =
  /** Copy the database into the folder `to`. */
  | { readonly task: 'copy'; readonly to: string }
  /** Look for damage. */
  | { readonly task: 'verify' }

/** What the thread is started with. */
export interface CaretakerData {
  readonly folder: string
  readonly care: Care
}

/** What came of it. */
export type FromCaretaker = { readonly findings: readonly string[] } | { readonly error: PlainError }
