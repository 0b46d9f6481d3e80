import { decodeValue } from './decode.ts'
import { ENCODED, type Span, WIDE } from './tag.ts'
import { knownWord, word } from './vocabulary.ts'

/** A name as text. */
export function nameText(b: Buffer, at: number, end: number): string {
  return knownWord(b, at, end) ?? b.utf8Slice(at, end)
}

/** The decoded value of an attribute. */
export function valueText(b: Buffer, span: Span): string {
  if ((span.flags & (ENCODED | WIDE)) === 0) return word(b, span.value, span.valueEnd)
  const text = b.utf8Slice(span.value, span.valueEnd)
  return (span.flags & ENCODED) === 0 ? text : decodeValue(text)
}
