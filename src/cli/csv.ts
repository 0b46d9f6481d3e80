/** Comma-separated values as RFC 4180 has them, one record a line. */

import { open } from 'node:fs/promises'
import { TidingsError } from '../core/errors.ts'

/** One record. */
export interface CsvRecord {
  /** Counted from 1. */
  readonly line: number
  readonly fields: readonly string[]
  /** What is wrong with it. */
  readonly problem?: string
}

/**
 * Reads records from text that comes in pieces. Empty lines are skipped; a bad record is given with its problem, and reading goes on
 * with the next line. Line breaks inside quotes (RFC 4180 §2.6) are not taken, for no address and no password can hold one:
 * so a quote that somebody forgot costs one line and not the rest of the file.
 */
export async function* readCsv(pieces: AsyncIterable<string>): AsyncGenerator<CsvRecord> {
  let line = 0
  for await (const text of lines(pieces)) {
    line++
    if (text.trim() !== '') yield parseRecord(text, line)
  }
}

/** A quoted field, or a plain one without quotes (RFC 4180 §2.5), and what ends it. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y

function parseRecord(record: string, line: number): CsvRecord {
  const fields: string[] = []
  FIELD.lastIndex = 0
  for (;;) {
    const match = FIELD.exec(record)
    if (match === null)
      return { line, fields, problem: 'a quote is not closed, or stands inside a field that is not quoted' }
    const [, quoted, plain, end] = match
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '') return { line, fields }
  }
}

/** Lines without their ends (RFC 4180 §2.1: CRLF; LF is taken too) and without a byte order mark. */
async function* lines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  let first = true
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      yield clean(part, first)
      first = false
    }
  }
  if (rest !== '') yield clean(rest, first)
}

function clean(line: string, first: boolean): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  return first && text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Tells before anything else is opened that there is no such file. Rejects with a TidingsError `TIDINGS_IMPORT_FILE`. */
export async function checkReadable(file: string): Promise<void> {
  try {
    await (await open(file)).close()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new TidingsError('TIDINGS_IMPORT_FILE', `${file} cannot be read (${code})`, { cause })
  }
}
