import { substitute } from './environment.ts'
import type { Leaf } from './fields.ts'
import type { ProblemCode } from './problems.ts'
import { suggestion } from './suggest.ts'
import { expected, foundValue } from './wording.ts'

/** A checked value, or why it is none. */
/** `written`: the text of the file, where it named the environment. */
export type Checked =
  | { readonly value: unknown; readonly written?: string }
  | { readonly code: ProblemCode; readonly text: string }

/** Checks a single value of the file against its field. */
export function scalarValue(raw: unknown, field: Leaf, environment: Readonly<NodeJS.ProcessEnv>): Checked {
  if (typeof raw !== 'string' || !raw.includes('${')) return checked(raw, field, foundValue(raw))
  const { text, used, missing } = substitute(raw, environment)
  if (missing.length > 0) {
    const names = missing.map(name => `\${${name}}`).join(', ')
    return {
      code: 'TIDINGS_CONFIG_ENVIRONMENT',
      text: `expected ${expected(field)} from ${names}, found no such environment variable`,
    }
  }
  if (used.length === 0) return checked(text, field, foundValue(text))
  // What comes from the environment may be a secret: it is named, never shown.
  const source = `something else in ${used.map(name => `\${${name}}`).join(', ')}`
  const result = checked(field.kind === 'text' ? text : plain(text), field, source)
  return 'value' in result ? { ...result, written: raw } : result
}

/** The value of a variable is text; where none is wanted it is read as YAML would read it. */
function plain(text: string): unknown {
  if (/^[-+]?\d+$/.test(text)) return Number(text)
  return { true: true, false: false }[text] ?? text
}

function checked(value: unknown, field: Leaf, found: string): Checked {
  const instead = (field.off && value === false) || (field.auto && value === 'auto')
  const result = instead ? value : accepted(value, field)
  if (result !== undefined) return { value: result }
  const near =
    field.choices !== undefined && typeof value === 'string' ? suggestion(value, field.choices) : undefined
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return { code: 'TIDINGS_CONFIG_VALUE', text: `expected ${expected(field)}, found ${found}${hint}` }
}

/** The value as it is used, or undefined if the field does not take it. */
function accepted(value: unknown, field: Leaf): unknown {
  switch (field.kind) {
    case 'integer': {
      const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = field
      return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? value : undefined
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'choice':
      return field.choices?.includes(value as string) ? value : undefined
    default:
      if (typeof value !== 'string') return undefined
      return field.format === undefined ? value : field.format.parse(value)
  }
}
