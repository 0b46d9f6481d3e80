/** Errors as one line for people: what happened, its code, what to do. */
import { TidingsError } from '../core/errors.ts'

/** The line for whatever was thrown. What is none of our errors shows its stack: somebody has to mend the program. */
export function explain(error: unknown): string {
  if (error instanceof TidingsError) return `${error.message} [${error.code}]`
  const failure = codeAndText(error)
  if (failure !== undefined) return `${failure.text} [${failure.code}]`
  const stack = error instanceof Error ? error.stack : String(error)
  return `this should not happen, please report it: ${stack} [TIDINGS_UNEXPECTED]`
}

/** A stable code and a text, also for what another layer threw: storage has codes of its own. */
export function codeAndText(error: unknown): { code: string; text: string } | undefined {
  if (error instanceof TidingsError) return { code: error.code, text: error.message }
  if (error instanceof Error && error.name === 'StorageError' && 'code' in error) {
    const code = String(error.code).toUpperCase().replaceAll('-', '_')
    return { code: `TIDINGS_STORAGE_${code}`, text: error.message }
  }
  return undefined
}
