/**
 * Marks as text of a row: the value in digits of fixed width, so that texts compare as values do, and the time, as a JSON string.
 * Every back end compares the same part of it.
 */
import { type Mark, StorageError } from './types.ts'

/** Where the digits of the value are in the text of a mark. */
export const DIGITS = { start: 1, count: 19 }

const MAX_VALUE = 2n ** 63n - 1n

/** The text of a mark. Throws `invalid`. */
export function encodeMark({ value, time }: Mark): string {
  if (value < 0n || value > MAX_VALUE || !Number.isSafeInteger(time))
    throw new StorageError('invalid', 'a mark is a number from 0 to 2^63 - 1 and a time in ms')
  return `"${String(value).padStart(DIGITS.count, '0')} ${time}"`
}

/** The mark of a text. */
export function decodeMark(text: string): Mark {
  const end = DIGITS.start + DIGITS.count
  return { value: BigInt(text.slice(DIGITS.start, end)), time: Number(text.slice(end, -1)) }
}

/** Whether the mark of a text is further than that of another one. */
export function isFurther(text: string, than: string): boolean {
  const end = DIGITS.start + DIGITS.count
  return text.slice(DIGITS.start, end) > than.slice(DIGITS.start, end)
}
