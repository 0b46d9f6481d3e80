import type { Readable } from 'node:stream'

/** Where a command reads and writes; tests give one of their own. */
export interface Terminal {
  /** What the command was asked for. */
  out(text: string): void
  /** What went wrong, and progress. */
  err(text: string): void
  readonly input: Readable & { isTTY?: boolean; setRawMode?(on: boolean): unknown }
  /** Whether a person looks at `err`: then progress may overwrite its line. */
  readonly live: boolean
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  // Opened when it is needed: a server that nobody types to should hold no input open.
  get input() {
    return process.stdin
  },
  get live() {
    return process.stderr.isTTY === true
  },
}
