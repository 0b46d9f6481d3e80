import { decodeValue } from './decode.ts'
import { ENCODED, type Span, WIDE } from './tag.ts'
import { word } from './vocabulary.ts'

/** A name as text. */
export function nameText(b: Buffer, at: number, end: number): string {
  for (let i = at; i < end; i++) if (b[i]! >= 0x80) return b.utf8Slice(at, end)
  return word(b, at, end)
}

/** The decoded value of an attribute. */
export function valueText(b: Buffer, span: Span): string {
  if ((span.flags & (ENCODED | WIDE)) === 0) return word(b, span.value, span.valueEnd)
  const text = b.utf8Slice(span.value, span.valueEnd)
  return (span.flags & ENCODED) === 0 ? text : decodeValue(text)
}
