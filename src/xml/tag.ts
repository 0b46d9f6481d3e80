import {
  AMPERSAND,
  APOSTROPHE,
  COLON,
  DOUBLE_QUOTE,
  EQUALS,
  GREATER,
  isSpace,
  isText,
  LEAD_EF,
  LESS,
  PLAIN_VALUE,
  SLASH,
  sameBytes,
} from './bytes.ts'
import { afterLeadEF, afterReference, nameEnd } from './characters.ts'
import type { TagLimits } from './limits.ts'
import { refuse } from './refusal.ts'

// What is known of an attribute, as bits.
/** The value holds references, or white space that is normalised. */
export const ENCODED = 1
/** The value holds more than ASCII. */
export const WIDE = 2
/** `xmlns=` */
export const DECLARES_DEFAULT = 4
/** `xmlns:p=` */
export const DECLARES_PREFIX = 8
/** `p:name=`, but not `xml:name=`. */
export const PREFIXED = 16
/** `xml:name=` */
export const XML_PREFIXED = 32
export const DECLARES: number = DECLARES_DEFAULT | DECLARES_PREFIX

/** Where one attribute lies: indices into the bytes that were parsed. */
export interface Span {
  name: number
  /** Index of the colon, -1 without a prefix. */
  colon: number
  nameEnd: number
  value: number
  valueEnd: number
  flags: number
}

/**
 * One start tag, taken apart into indices of the bytes that `parse` got. One object serves for many tags and allocates nothing
 * once it has grown. Checks all that XML 1.0 asks of a start tag; namespaces are the caller's business.
 */
export class Tag {
  name = 0
  /** Index of the colon in the element's name, -1 without a prefix. */
  colon = -1
  nameEnd = 0
  /** `<name/>` */
  empty = false
  /** How many of `spans` belong to this tag. */
  count = 0
  /** The bits of all attributes together. */
  flags = 0
  readonly spans: Span[] = []
  /** Hold for the next tag. */
  limits: TagLimits
  private lastColon = -1
  private valueFlags = 0

  constructor(limits: TagLimits) {
    this.limits = limits
  }

  /**
   * Parses the start tag whose '<' is just before `at`. Returns the index after its '>', or -1 when it is not whole: then the object
   * holds nothing of use. Throws `StreamError` at the first byte that can't be right, whatever follows it.
   */
  parse(b: Buffer, at: number, end: number): number {
    this.count = 0
    this.flags = 0
    let i = this.qualifiedName(b, at, end)
    if (i < 0) return -1
    this.name = at
    this.colon = this.lastColon
    this.nameEnd = i
    for (;;) {
      const before = i
      i = skipSpace(b, i, end)
      if (i >= end) return -1
      const byte = b[i]!
      this.empty = byte === SLASH
      if (byte === GREATER) return i + 1
      if (byte === SLASH) return afterEmpty(b, i + 1, end)
      if (i === before) refuse('attribute-space')
      i = this.attribute(b, i, end)
      if (i < 0) return -1
    }
  }

  private qualifiedName(b: Buffer, at: number, end: number): number {
    this.lastColon = -1
    const i = nameEnd(b, at, end, this.limits.nameBytes)
    if (i < 0 || b[i] !== COLON) return i
    this.lastColon = i
    return nameEnd(b, i + 1, end, this.limits.nameBytes)
  }

  private attribute(b: Buffer, at: number, end: number): number {
    const after = this.qualifiedName(b, at, end)
    if (after < 0) return -1
    const colon = this.lastColon
    let i = after
    if (b[i] !== EQUALS) i = skipSpace(b, i, end)
    if (i >= end) return -1
    if (b[i] !== EQUALS) refuse('attribute-value')
    i++
    let quote = i < end ? b[i]! : 0
    if (quote !== DOUBLE_QUOTE && quote !== APOSTROPHE) {
      i = skipSpace(b, i, end)
      if (i >= end) return -1
      quote = b[i]!
    }
    if (quote !== DOUBLE_QUOTE && quote !== APOSTROPHE) refuse('attribute-value')
    const close = this.valueEnd(b, i + 1, end, quote)
    if (close < 0) return -1
    this.add(b, at, colon, after, i + 1, close)
    return close + 1
  }

  /** Index of the closing quote. */
  private valueEnd(b: Buffer, at: number, end: number, quote: number): number {
    let flags = 0
    let i = at
    for (;;) {
      while (i < end && PLAIN_VALUE[b[i]!] === 1) i++
      if (i >= end) return -1
      const byte = b[i]!
      if (byte === quote) break
      if (byte >= 0x80) flags |= WIDE
      // XML 1.0 §3.3.3: tabs and line ends become spaces. A space itself is plain.
      else if (byte === AMPERSAND || isSpace(byte)) flags |= ENCODED
      i = afterValueByte(b, i, end)
      if (i < 0) return -1
    }
    this.valueFlags = flags
    return i
  }

  private add(
    b: Buffer,
    name: number,
    colon: number,
    nameEnd: number,
    value: number,
    valueEnd: number,
  ): void {
    const { count, spans } = this
    if (count >= this.limits.attributes) refuse('attributes')
    for (let k = 0; k < count; k++) {
      if (sameBytes(b, name, nameEnd, spans[k]!.name, spans[k]!.nameEnd)) refuse('attribute-twice')
    }
    const flags = this.valueFlags | attributeKind(b, name, colon, nameEnd)
    this.flags |= flags
    this.count = count + 1
    const span = spans[count]
    if (span === undefined) {
      spans.push({ name, colon, nameEnd, value, valueEnd, flags })
      return
    }
    span.name = name
    span.colon = colon
    span.nameEnd = nameEnd
    span.value = value
    span.valueEnd = valueEnd
    span.flags = flags
  }
}

/** Index of the first byte that is no white space. */
export function skipSpace(b: Buffer, at: number, end: number): number {
  let i = at
  while (i < end && isSpace(b[i]!)) i++
  return i
}

function afterEmpty(b: Buffer, at: number, end: number): number {
  if (at >= end) return -1
  if (b[at] !== GREATER) refuse('tag')
  return at + 1
}

/** Index after a byte of a value that is neither plain nor the closing quote. */
function afterValueByte(b: Buffer, at: number, end: number): number {
  const byte = b[at]!
  if (byte === AMPERSAND) return afterReference(b, at, end)
  if (byte === LEAD_EF) return afterLeadEF(b, at, end)
  if (byte === LESS) refuse('attribute-less-than')
  // What is left below ASCII's printable range are the control characters that XML does not allow.
  if (byte < 0x80 && byte !== DOUBLE_QUOTE && byte !== APOSTROPHE && !isSpace(byte)) refuse('character')
  return at + 1
}

function attributeKind(b: Buffer, name: number, colon: number, nameEnd: number): number {
  if (colon < 0) return isText(b, name, nameEnd, 'xmlns') ? DECLARES_DEFAULT : 0
  if (isText(b, name, colon, 'xmlns')) return DECLARES_PREFIX
  return isText(b, name, colon, 'xml') ? XML_PREFIXED : PREFIXED
}
