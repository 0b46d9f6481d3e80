/** The fields of a frame as bytes: what both ends of a link agree on. */
import type { FrameValue } from '../types.ts'

/** What a peer sent cannot be understood, or is not what was to come: the connection is closed. Its text holds nothing of it. */
export class MalformedError extends Error {
  constructor(what: string) {
    super(`malformed: ${what}`)
    this.name = 'MalformedError'
  }
}

/** A value that is absent on the other side where it is undefined here. */
type Fields = { readonly [field: string]: FrameValue }

/**
 * A field is the length of its name (1 byte), its name (Latin-1), a tag and what the tag says: nothing, 4 bytes of an integer, 8 bytes of a
 * number, or a length (1 or 4 bytes) and bytes. Integers are big-endian. Fields follow each other up to the end.
 */
const TAG = { no: 1, yes: 2, integer: 3, number: 4, shortText: 5, longText: 6, bytes: 7 } as const

const MOST_NAME = 255
const MOST_SHORT = 255

/** Names of fields that were read last, each in a place of its own: a memo that nobody can notice. */
const NAMES = new Array<string | undefined>(256).fill(undefined)

/** How many bytes `writeFields` needs. */
export function sizeOf(fields: Fields): number {
  let size = 0
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined) continue
    if (name.length > MOST_NAME) throw new TypeError('a field has too long a name')
    size += 2 + name.length + sizeOfValue(value)
  }
  return size
}

function sizeOfValue(value: Exclude<FrameValue, undefined>): number {
  switch (typeof value) {
    case 'boolean':
      return 0
    case 'number':
      return isInteger(value) ? 4 : 8
    case 'string': {
      const length = Buffer.byteLength(value)
      return length > MOST_SHORT ? 4 + length : 1 + length
    }
    default:
      return 4 + value.length
  }
}

function isInteger(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0)
}

/** Writes fields at `at`, where there is room for them; gives where they end. A lone surrogate in a text does not survive. */
export function writeFields(fields: Fields, into: Buffer, at: number): number {
  let end = at
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined) continue
    into[end] = name.length
    end = writeValue(value, into, end + 1 + into.latin1Write(name, end + 1))
  }
  return end
}

function writeValue(value: Exclude<FrameValue, undefined>, into: Buffer, at: number): number {
  switch (typeof value) {
    case 'boolean':
      into[at] = value ? TAG.yes : TAG.no
      return at + 1
    case 'number':
      into[at] = isInteger(value) ? TAG.integer : TAG.number
      return isInteger(value) ? into.writeInt32BE(value, at + 1) : into.writeDoubleBE(value, at + 1)
    case 'string':
      return writeText(value, into, at)
    default:
      into[at] = TAG.bytes
      into.writeUInt32BE(value.length, at + 1)
      into.set(value, at + 5)
      return at + 5 + value.length
  }
}

function writeText(text: string, into: Buffer, at: number): number {
  const length = Buffer.byteLength(text)
  if (length > MOST_SHORT) {
    into[at] = TAG.longText
    into.writeUInt32BE(length, at + 1)
    return at + 5 + into.utf8Write(text, at + 5)
  }
  into[at] = TAG.shortText
  into[at + 1] = length
  return at + 2 + into.utf8Write(text, at + 2)
}

/**
 * Reads the fields from `start` up to `end`. Throws a MalformedError. Buffers among them share the memory of `bytes`: whoever keeps one for
 * long copies it, as with what clients send (`Stanza.compact()`).
 */
export function readFields(bytes: Buffer, start: number, end = bytes.length): Record<string, FrameValue> {
  const fields: Record<string, FrameValue> = {}
  let at = start
  while (at < end) {
    const nameEnd = at + 1 + bytes[at]!
    if (nameEnd >= end) throw new MalformedError('a field is cut')
    const name = nameIn(bytes, at + 1, nameEnd)
    // Would not become a field of the object but its prototype.
    if (name === '__proto__') throw new MalformedError('a field has no such name')
    at = readValue(bytes, nameEnd, end, fields, name)
  }
  return fields
}

/** The name of a field. There are few, and each comes again and again. */
function nameIn(bytes: Buffer, start: number, end: number): string {
  const slot = (end - start) ^ (bytes[start]! << 1) ^ (bytes[end - 1]! << 3)
  const known = NAMES[slot % NAMES.length]
  if (known !== undefined && spells(bytes, start, end, known)) return known
  const name = bytes.latin1Slice(start, end)
  NAMES[slot % NAMES.length] = name
  return name
}

function spells(bytes: Buffer, start: number, end: number, name: string): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false
  return true
}

/** Reads one value into `fields[name]`; gives where it ends. */
function readValue(
  bytes: Buffer,
  at: number,
  most: number,
  fields: Record<string, FrameValue>,
  name: string,
): number {
  const tag = bytes[at]!
  const start = at + 1
  switch (tag) {
    case TAG.no:
    case TAG.yes:
      fields[name] = tag === TAG.yes
      return start
    case TAG.integer:
      fields[name] = bytes.readInt32BE(within(most, start, 4) - 4)
      return start + 4
    case TAG.number:
      fields[name] = bytes.readDoubleBE(within(most, start, 8) - 8)
      return start + 8
    case TAG.shortText: {
      const end = within(most, start + 1, start < most ? bytes[start]! : 0)
      fields[name] = bytes.utf8Slice(start + 1, end)
      return end
    }
    case TAG.longText: {
      const end = within(most, start + 4, lengthAt(bytes, start, most))
      fields[name] = bytes.utf8Slice(start + 4, end)
      return end
    }
    case TAG.bytes: {
      const end = within(most, start + 4, lengthAt(bytes, start, most))
      fields[name] = bytes.subarray(start + 4, end)
      return end
    }
    default:
      throw new MalformedError('a field is of no known kind')
  }
}

function lengthAt(bytes: Buffer, at: number, most: number): number {
  within(most, at, 4)
  return bytes.readUInt32BE(at)
}

/** Where `length` bytes that begin at `start` end: at `most` at the latest. */
function within(most: number, start: number, length: number): number {
  const end = start + length
  if (end > most) throw new MalformedError('a value is cut')
  return end
}
