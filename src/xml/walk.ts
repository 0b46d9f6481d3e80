import { EXCLAMATION, GREATER, LESS, SLASH } from './bytes.ts'
import { TRUSTED_LIMITS } from './limits.ts'
import { Tag } from './tag.ts'

/** Length of `<![CDATA[`. */
const SECTION_START = 9
const SECTION_END = ']]>'

/** What `walk` finds, in order; `start` and `end` are indices into the bytes. */
export interface Visitor {
  /** A start tag from '<' to behind '>'; `tag` is valid only during the call. `tag.empty`: no `close` will follow. */
  open(tag: Tag, start: number, end: number): void
  /** An end tag. */
  close(start: number, end: number): void
  /** Text with its references. */
  text(start: number, end: number): void
  /** What a CDATA section holds, without its delimiters. */
  section(start: number, end: number): void
}

/** Walks through content that the reader has validated: it checks nothing again. */
export function walk(b: Buffer, visitor: Visitor): void {
  const tag = new Tag(TRUSTED_LIMITS)
  for (let i = 0; i < b.length; ) {
    const start = i
    if (b[i] !== LESS) {
      i = b.indexOf(LESS, i)
      if (i < 0) i = b.length
      visitor.text(start, i)
    } else if (b[i + 1] === SLASH) {
      i = b.indexOf(GREATER, i) + 1
      visitor.close(start, i)
    } else if (b[i + 1] === EXCLAMATION) {
      i = b.indexOf(SECTION_END, i + SECTION_START)
      visitor.section(start + SECTION_START, i)
      i += SECTION_END.length
    } else {
      i = tag.parse(b, i + 1, b.length)
      visitor.open(tag, start, i)
    }
  }
}
