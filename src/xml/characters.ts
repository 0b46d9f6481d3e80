/** Characters, references and names inside bytes that may end anywhere: -1 always means that more bytes are needed to decide. */
import {
  AMPERSAND,
  HASH,
  isCharacter,
  isDigit,
  isText,
  LEAD_EF,
  NAME_PART,
  NAME_START,
  SEMICOLON,
} from './bytes.ts'
import { continuesName, startsName } from './name-characters.ts'
import { refuse } from './refusal.ts'

/** A reference is looked at again with each chunk until its ';' is there, so it has to be short. */
const REFERENCE_BYTES = 32
const LETTER_X = 0x78

/** Index after the name (NCName, without colon) that starts at `at`. Refuses what is no name or longer than `limit` bytes. */
export function nameEnd(b: Buffer, at: number, end: number, limit: number): number {
  if (at >= end) return -1
  let i = NAME_START[b[at]!] === 1 ? at + 1 : wideNameEnd(b, at, end, startsName)
  while (i >= 0) {
    while (i < end && NAME_PART[b[i]!] === 1) i++
    if (i >= end) return -1
    if (b[i]! < 0x80) break
    i = wideNameEnd(b, i, end, continuesName)
  }
  if (i >= 0 && i - at > limit) refuse('name-bytes')
  return i
}

/** Index after one character beyond ASCII that `fits` a name. What is not valid UTF-8 here is found out when the stanza is whole. */
function wideNameEnd(b: Buffer, at: number, end: number, fits: (codePoint: number) => boolean): number {
  const lead = b[at]!
  if (lead < 0x80) refuse('name')
  if (lead < 0xc2 || lead > 0xf4) refuse('utf8')
  if (lead >= 0xf0) refuse('name')
  const length = lead < 0xe0 ? 2 : 3
  let codePoint = lead & (length === 2 ? 0x1f : 0x0f)
  for (let i = at + 1; i < at + length; i++) {
    if (i >= end) return -1
    if ((b[i]! & 0xc0) !== 0x80) refuse('utf8')
    codePoint = (codePoint << 6) | (b[i]! & 0x3f)
  }
  if (!fits(codePoint)) refuse('name')
  return at + length
}

/** Index after the byte 0xEF at `at`. Refuses U+FFFE and U+FFFF. */
export function afterLeadEF(b: Buffer, at: number, end: number): number {
  if (at + 1 >= end) return -1
  if (b[at + 1] !== 0xbf) return at + 1
  if (at + 2 >= end) return -1
  if (b[at + 2]! >= 0xbe) refuse('character')
  return at + 1
}

/** Index after a byte of text that is neither plain nor '<': a reference, a lead byte 0xEF, or something to refuse. */
export function afterSpecial(b: Buffer, at: number, end: number): number {
  const byte = b[at]!
  if (byte === AMPERSAND) return afterReference(b, at, end)
  if (byte === LEAD_EF) return afterLeadEF(b, at, end)
  return refuse('character')
}

/** Index after the reference whose '&' is at `at`: one of the five predefined entities, or a character that XML allows. */
export function afterReference(b: Buffer, at: number, end: number): number {
  const stop = Math.min(end, at + REFERENCE_BYTES)
  if (at + 1 < stop && b[at + 1] === HASH) return afterCharacterReference(b, at + 2, stop, end)
  // The name of an entity may hold more than ASCII, which changes nothing: such an entity is not declared.
  let i = at + 1
  while (i < stop && (NAME_PART[b[i]!] === 1 || b[i]! >= 0x80)) i++
  if (i >= stop) return runsOut(stop, end)
  if (b[i] !== SEMICOLON || i === at + 1) refuse('reference')
  if (!isPredefined(b, at + 1, i)) refuse('entity-reference')
  return i + 1
}

function afterCharacterReference(b: Buffer, at: number, stop: number, end: number): number {
  const hexadecimal = at < stop && b[at] === LETTER_X
  const first = hexadecimal ? at + 1 : at
  let codePoint = 0
  let i = first
  for (; i < stop; i++) {
    const digit = digitOf(b[i]!, hexadecimal)
    if (digit < 0) break
    // Beyond the last code point it only matters that the number stays too large.
    codePoint = Math.min(codePoint * (hexadecimal ? 16 : 10) + digit, 0x110000)
  }
  if (i >= stop) return runsOut(stop, end)
  if (b[i] !== SEMICOLON || i === first) refuse('reference')
  if (!isCharacter(codePoint)) refuse('character-reference')
  return i + 1
}

/** The reference has no ';' before `stop`: it may still come, or the reference is too long. */
function runsOut(stop: number, end: number): -1 {
  if (stop < end) refuse('reference-bytes')
  return -1
}

function digitOf(byte: number, hexadecimal: boolean): number {
  if (isDigit(byte)) return byte - 0x30
  const letter = (byte | 0x20) - 0x61
  return hexadecimal && byte < 0x80 && letter >= 0 && letter < 6 ? letter + 10 : -1
}

function isPredefined(b: Buffer, at: number, end: number): boolean {
  return (
    isText(b, at, end, 'lt') ||
    isText(b, at, end, 'gt') ||
    isText(b, at, end, 'amp') ||
    isText(b, at, end, 'quot') ||
    isText(b, at, end, 'apos')
  )
}
