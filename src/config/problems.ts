/** What can be wrong in a configuration, and how it is told. */
import { TidingsError } from '../core/errors.ts'

/** Stable names of what is wrong at one place. */
export type ProblemCode =
  /** The file is no YAML. */
  | 'TIDINGS_CONFIG_SYNTAX'
  /** A key, or an extension, that does not exist. */
  | 'TIDINGS_CONFIG_UNKNOWN_KEY'
  /** A key that must be there is not. */
  | 'TIDINGS_CONFIG_MISSING_KEY'
  /** A value that its key does not take. */
  | 'TIDINGS_CONFIG_VALUE'
  /** `${NAME}` where no such environment variable is set. */
  | 'TIDINGS_CONFIG_ENVIRONMENT'
  /** Two values that do not go together. */
  | 'TIDINGS_CONFIG_CONFLICT'

/** One thing that is wrong. */
export interface Problem {
  readonly code: ProblemCode
  /** Key path, such as `listeners.xmpp.port` or `hosts[0].name`; empty for the whole file. */
  readonly path: string
  /** What was expected and what was found. */
  readonly text: string
  /** From 1; absent where the configuration came from no text. */
  readonly line?: number
  readonly column?: number
}

/** A configuration that cannot be used; all of its problems at once. */
export class ConfigError extends TidingsError {
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const lines = problems.map(problem => formatProblem(file, problem))
    super('TIDINGS_CONFIG_INVALID', `${count} in the configuration:\n${lines.join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** One line: `tidings.yaml:12:9: listeners.xmpp.port: expected ..., found ... [TIDINGS_CONFIG_VALUE]`. */
function formatProblem(file: string, { code, path, text, line, column }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`
  return `${place}: ${path === '' ? '' : `${path}: `}${text} [${code}]`
}

/** A key path with one more key; keys that hold a dot stand in brackets. */
export function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}
