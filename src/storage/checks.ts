/** Limits that hold on every back end, and the checks that keep them. */
import { type ArchiveQuery, type KeyRange, StorageError } from './types.ts'

const MAX_KEY_BYTES = 1024
const MAX_ITEM_BYTES = 8 * 1024 * 1024
/** Most rows of a page, and most items of a list. */
export const MAX_PAGE_ROWS = 1000
const DEFAULT_PAGE_ROWS = 100
const NAME = /^[a-z][a-z0-9-]{0,47}$/

/** A page ends after the row that takes it over this many bytes, so that no answer grows without bound. */
export const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** Checks the name of a table or an archive. */
export function checkName(name: string): void {
  if (!NAME.test(name))
    throw new StorageError('invalid', `${JSON.stringify(name)} is no name of a table or archive`)
}

/** Checks a key of a table: no lone surrogates, no NUL, not too long. */
export function checkKey(key: string): void {
  if (!key.isWellFormed() || key.includes('\0'))
    throw new StorageError('invalid', 'the key is not well-formed text')
  if (bytesOver(key, MAX_KEY_BYTES))
    throw new StorageError('too-large', `the key is over ${MAX_KEY_BYTES} bytes`)
}

/** Whether a text could be the key of a row at all; a key that could not is merely not there. */
export function mayBeKey(key: string): boolean {
  return key.isWellFormed() && !key.includes('\0') && !bytesOver(key, MAX_KEY_BYTES)
}

/** An item as JSON text. */
export function encodeItem(item: unknown): string {
  const json = JSON.stringify(item) as string | undefined
  if (json === undefined) throw new StorageError('invalid', 'the item is no JSON value')
  if (bytesOver(json, MAX_ITEM_BYTES))
    throw new StorageError('too-large', `the item is over ${MAX_ITEM_BYTES} bytes`)
  return json
}

/** Checks what is to be archived. */
export function checkPayload(payload: Uint8Array): void {
  if (payload.byteLength > MAX_ITEM_BYTES)
    throw new StorageError('too-large', `the payload is over ${MAX_ITEM_BYTES} bytes`)
}

/** The number of rows to answer with. */
export function checkLimit(limit: number = DEFAULT_PAGE_ROWS, least = 1): number {
  if (!Number.isInteger(limit) || limit < least || limit > MAX_PAGE_ROWS)
    throw new StorageError('invalid', `a limit is a whole number from ${least} to ${MAX_PAGE_ROWS}`)
  return limit
}

/** Checks the texts of a range of keys. They need not be keys of rows, but must have a place in their order. */
export function checkRange(range: KeyRange): void {
  for (const text of [range.after, range.before, range.prefix])
    if (text !== undefined && !text.isWellFormed())
      throw new StorageError('invalid', 'the range is not well-formed text')
}

/** Whether a payload contains one of these; it does where nothing is asked for. */
export function containsAny(payload: Uint8Array, wanted: readonly Uint8Array[] | undefined): boolean {
  if (wanted === undefined) return true
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  return wanted.some(one => bytes.includes(one))
}

/** Checks a list of archive ids. */
export function checkIds(ids: ArchiveQuery['ids']): void {
  if (ids !== undefined && ids.length > MAX_PAGE_ROWS)
    throw new StorageError('invalid', `more than ${MAX_PAGE_ROWS} ids at once`)
}

/** Orders texts by the bytes of their UTF-8 form, as every back end does. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** The least text that is greater than all texts with this prefix; `undefined` when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, character => character.codePointAt(0)!)
  while (points.length > 0) {
    const last = points.pop()!
    if (last === 0x10ffff) continue
    // U+D800 to U+DFFF are surrogates, not characters.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}

/** Surrogates stand for code points above U+FFFF, so they come after U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

function bytesOver(text: string, limit: number): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8: counting is needed only near the limit.
  return text.length > limit || (text.length * 3 > limit && Buffer.byteLength(text) > limit)
}
