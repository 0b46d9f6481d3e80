/** The bytes that matter to XML, and tables that tell the reader's loops which bytes need a second look. */

const TAB = 0x09
const LINE_FEED = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
export const EXCLAMATION = 0x21
export const DOUBLE_QUOTE = 0x22
export const HASH = 0x23
export const AMPERSAND = 0x26
export const APOSTROPHE = 0x27
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const LESS = 0x3c
export const EQUALS = 0x3d
export const GREATER = 0x3e
export const QUESTION = 0x3f
export const BRACKET_CLOSE = 0x5d
/** Lead byte of U+F000 to U+FFFF, among them U+FFFE and U+FFFF, which XML does not allow. */
export const LEAD_EF = 0xef

/** 1: nothing to look at in text. 0: '<', '&', ']', 0xEF, and the control characters that XML does not allow. */
export const PLAIN_TEXT: Uint8Array = table(
  byte => byte >= SPACE || isSpace(byte),
  [LESS, AMPERSAND, BRACKET_CLOSE, LEAD_EF],
)

/** 1: nothing to look at in an attribute value. 0: also quotes, white space that is normalised, and everything beyond ASCII. */
export const PLAIN_VALUE: Uint8Array = table(
  byte => byte >= SPACE && byte < 0x80,
  [LESS, AMPERSAND, DOUBLE_QUOTE, APOSTROPHE],
)

/** ASCII with which a name may start (without the colon, which separates the prefix). */
export const NAME_START: Uint8Array = table(byte => isLetter(byte) || byte === 0x5f, [])

/** ASCII with which a name may go on. */
export const NAME_PART: Uint8Array = table(
  byte => isLetter(byte) || byte === 0x5f || isDigit(byte) || byte === 0x2d || byte === 0x2e,
  [],
)

/** White space of XML 1.0 (S). */
export function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** Whether the bytes of `b` from `at` spell `text` (ASCII) as far as `end` reaches. */
export function startsLike(b: Buffer, at: number, end: number, text: string): boolean {
  const stop = Math.min(end, at + text.length)
  for (let i = at; i < stop; i++) if (b[i] !== text.charCodeAt(i - at)) return false
  return true
}

/** Whether the bytes from `at` to `end` are exactly `text` (ASCII). */
export function isText(b: Buffer, at: number, end: number, text: string): boolean {
  return end - at === text.length && startsLike(b, at, end, text)
}

/** Whether two stretches of bytes are the same. */
export function sameBytes(b: Buffer, at: number, end: number, other: number, otherEnd: number): boolean {
  if (end - at !== otherEnd - other) return false
  for (let i = at, j = other; i < end; i++, j++) if (b[i] !== b[j]) return false
  return true
}

/** XML 1.0 §2.2 (Char). */
export function isCharacter(codePoint: number): boolean {
  if (codePoint < 0x20) return isSpace(codePoint)
  return (
    codePoint <= 0xd7ff ||
    (codePoint >= 0xe000 && codePoint <= 0xfffd) ||
    (codePoint >= 0x10000 && codePoint <= 0x10ffff)
  )
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a && byte < 0x80
}

function table(contains: (byte: number) => boolean, without: number[]): Uint8Array {
  const bytes = new Uint8Array(256)
  for (let byte = 0; byte < 256; byte++) if (contains(byte) && !without.includes(byte)) bytes[byte] = 1
  return bytes
}
