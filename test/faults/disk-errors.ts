/** What the test of disk errors and its child agree on. */

/** Faults of power-cut.c. */
export const FAULTS = { full: 1, write: 2, sync: 3 } as const

/** One of them. */
export type Fault = (typeof FAULTS)[keyof typeof FAULTS]

/** A group of commits while the disk failed. */
export interface Trial {
  readonly name: string
  readonly fault: string
  /** How many calls failed. */
  readonly failed: number
  /** Each commit: stored, or the code of the error; and whether the row was seen afterwards. */
  readonly rows: readonly { readonly n: number; readonly outcome: string; readonly seen: boolean }[]
  /** The first commit after the disk was well again. */
  readonly next: { readonly n: number; readonly outcome: string }
  /** What was said of the background. */
  readonly problems: readonly string[]
}
