import type { Terminal } from './terminal.ts'

/** Without a person who looks on, a count is written this seldom. */
const QUIET_STEP = 1_000

/** A count that grows, shown on one line that is overwritten, or as a line now and then. */
export class Progress {
  readonly #terminal: Terminal
  #shown = false
  #last = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Shows the count. */
  count(count: number, what: string): void {
    const { live } = this.#terminal
    if (!live && count - this.#last < QUIET_STEP) return
    this.#last = count
    this.#terminal.err(live ? `\r${count} ${what}` : `${count} ${what}\n`)
    this.#shown = live
  }

  /** Writes a line of its own. */
  line(text: string): void {
    this.end()
    this.#terminal.err(`${text}\n`)
  }

  /** Leaves the last count standing. */
  end(): void {
    if (this.#shown) this.#terminal.err('\n')
    this.#shown = false
  }
}
