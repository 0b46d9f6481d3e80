import type { Terminal } from './terminal.ts'

/** Without a person who looks on, a count is written this seldom. */
const QUIET_STEP = 1_000
/** Characters of a bar. */
const WIDTH = 30

/** A count that grows, shown on one line that is overwritten, or as a line now and then. */
export class Progress {
  readonly #terminal: Terminal
  #shown = false
  #last = 0
  /** When the bar was shown first, ms. */
  #since: number | undefined

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

  /** Shows how much of a total is done, if that is known, and how fast it goes. */
  bar(done: number, total: number | undefined, what: string): void {
    if (!this.#terminal.live) {
      this.count(done, what)
      return
    }
    this.#since ??= performance.now()
    const seconds = (performance.now() - this.#since) / 1000
    const rate = seconds < 1 ? '' : `, ${Math.round(done / seconds)} a second`
    const all = total === undefined ? '' : ` of ${total}`
    this.#terminal.err(`\r${drawn(done, total)}${done}${all} ${what}${rate} `)
    this.#shown = true
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

function drawn(done: number, total: number | undefined): string {
  if (total === undefined) return ''
  const full = Math.floor(Math.min(1, done / Math.max(1, total)) * WIDTH)
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] `
}
