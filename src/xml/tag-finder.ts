import { APOSTROPHE, DOUBLE_QUOTE, GREATER, LESS } from './bytes.ts'

/**
 * Looks for the end of a tag that arrives in pieces, each byte once, so that the tag is parsed only when it is whole: otherwise one
 * byte per packet would cost the square of the tag's length. Positions are relative to a base that the caller keeps.
 */
export class TagFinder {
  private at = 0
  private quote = 0

  /** Starts behind the '<' of a tag. */
  start(at: number): void {
    this.at = at
    this.quote = 0
  }

  /** Whether the tag can be parsed now: its '>' is there, or a '<' that makes it wrong. */
  find(b: Buffer, base: number, end: number): boolean {
    let { quote } = this
    let i = base + this.at
    for (; i < end; i++) {
      const byte = b[i]!
      if (byte === LESS || (byte === GREATER && quote === 0)) return true
      if (byte === quote) quote = 0
      else if (quote === 0 && (byte === DOUBLE_QUOTE || byte === APOSTROPHE)) quote = byte
    }
    this.at = i - base
    this.quote = quote
    return false
  }
}
