import { StorageError, type StorageErrorCode } from '../types.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that mean something to a caller. */
const CODES: Readonly<Record<number, StorageErrorCode>> = {
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  18: 'too-large', // SQLITE_TOOBIG
  19: 'invalid', // SQLITE_CONSTRAINT
  20: 'invalid', // SQLITE_MISMATCH
  25: 'invalid', // SQLITE_RANGE
  26: 'corrupt', // SQLITE_NOTADB
}

/** What an error of SQLite means. Its text is SQLite's own, which holds names of tables but no values. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const { errcode, message } = error as { errcode?: number; message?: string }
  const code = errcode === undefined ? undefined : CODES[errcode & 0xff]
  return new StorageError(code ?? 'unavailable', `SQLite: ${message ?? 'unknown error'}`, { cause: error })
}

/** Whether an error is about one write, so that its neighbours in the transaction may still succeed. */
export function concernsOneWrite(error: StorageError): boolean {
  return error.code === 'too-large' || error.code === 'invalid'
}

/** An error as it travels between threads. */
export interface PlainError {
  readonly code: StorageErrorCode
  readonly text: string
}

/** For `postMessage`, which would lose the class and the code. */
export function toPlain(error: unknown): PlainError {
  const { code, message } = storageError(error)
  return { code, text: message }
}

/** The other way. */
export function fromPlain({ code, text }: PlainError): StorageError {
  return new StorageError(code, text)
}
