/** The scanner's loops over what is between tags, and the markup that is no tag. -1 means that more bytes are needed to decide. */
import { AMPERSAND, BRACKET_CLOSE, GREATER, LESS, PLAIN_TEXT, startsLike } from './bytes.ts'
import { afterSpecial } from './characters.ts'
import { refuse } from './refusal.ts'

const SECTION = '<![CDATA['
const COMMENT = '<!--'
const DOCTYPE = '<!DOCTYPE'
/** Length of `]]>`. */
export const SECTION_END_BYTES = 3

/** Index of the next '<', or of the first byte about which nothing can be said yet. */
export function textEnd(b: Buffer, at: number, end: number): number {
  let i = at
  for (;;) {
    while (i < end && PLAIN_TEXT[b[i]!] === 1) i++
    if (i >= end) return end
    const byte = b[i]!
    if (byte === LESS) return i
    const next = byte === BRACKET_CLOSE ? afterBracket(b, i, end) : afterSpecial(b, i, end)
    if (next < 0) return i
    i = next
  }
}

/** XML 1.0 §2.4: `]]>` must not occur in text. */
function afterBracket(b: Buffer, at: number, end: number): number {
  const seen = sectionEnds(b, at, end)
  if (seen > 0) refuse('section-end')
  return seen < 0 ? -1 : at + 1
}

/** Index of the `]]>` that ends a CDATA section, or of the first byte about which nothing can be said yet. */
export function sectionEnd(b: Buffer, at: number, end: number): number {
  let i = at
  for (;;) {
    while (i < end && PLAIN_TEXT[b[i]!] === 1) i++
    if (i >= end) return end
    const byte = b[i]!
    let next = i + 1
    if (byte === BRACKET_CLOSE) {
      const seen = sectionEnds(b, i, end)
      if (seen !== 0) return i
    } else if (byte !== LESS && byte !== AMPERSAND) next = afterSpecial(b, i, end)
    if (next < 0) return i
    i = next
  }
}

/** Whether the ']' at `at` starts `]]>`: 1 yes, 0 no, -1 not known yet. */
function sectionEnds(b: Buffer, at: number, end: number): number {
  if (at + 1 >= end) return -1
  if (b[at + 1] !== BRACKET_CLOSE) return 0
  if (at + 2 >= end) return -1
  return b[at + 2] === GREATER ? 1 : 0
}

/** Index after the `<![CDATA[` at `at`. All other markup that starts with `<!` is refused. */
export function afterSectionStart(b: Buffer, at: number, end: number): number {
  if (startsLike(b, at, end, SECTION)) return at + SECTION.length <= end ? at + SECTION.length : -1
  if (startsLike(b, at, end, COMMENT)) return at + COMMENT.length <= end ? refuse('comment') : -1
  if (startsLike(b, at, end, DOCTYPE)) return at + DOCTYPE.length <= end ? refuse('doctype') : -1
  return refuse('markup')
}
