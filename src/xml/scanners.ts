import type { ReaderLimits } from './limits.ts'
import { Scanner } from './scanner.ts'

/** More than this are seldom at work at once. */
const MOST_IDLE = 16

/**
 * The scanners of a server. A reader has one only while an element is on its way: ten thousand silent streams share the few that
 * the others need.
 */
export class Scanners {
  private readonly idle: Scanner[] = []

  /** A scanner, to be made ready with `begin`. */
  take(limits: ReaderLimits): Scanner {
    return this.idle.pop() ?? new Scanner(limits)
  }

  /** Takes back a scanner that is not used any more. */
  give(scanner: Scanner): void {
    if (this.idle.length < MOST_IDLE) this.idle.push(scanner)
  }
}
