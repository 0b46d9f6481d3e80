/** Words for people: what a field takes, what was found instead. */
import { isMap, isScalar, isSeq, type Node } from 'yaml'
import type { Field, Leaf } from './fields.ts'

/** What a field takes: `an integer from 1 to 65535`. */
export function expected(field: Field): string {
  const off = 'off' in field && field.off ? ', or false' : ''
  switch (field.kind) {
    case 'section':
      return mapping(Object.keys(field.fields)) + off
    case 'list':
      return `a list${field.default.length === 0 ? '' : ' of one or more'}, each with ${Object.keys(field.of.fields).join(', ')}`
    case 'dictionary':
      return `a mapping from ${field.keys.expected} to ${field.values.expected}`
    default:
      return expectedValue(field) + off + (field.auto ? ', or auto' : '')
  }
}

function mapping(keys: readonly string[]): string {
  return keys.length === 0 ? 'a mapping without keys' : `a mapping with ${keys.join(', ')}`
}

function expectedValue(field: Leaf): string {
  switch (field.kind) {
    case 'integer':
      return integer(field)
    case 'boolean':
      return 'true or false'
    case 'choice':
      return `one of ${(field.choices ?? []).map(quote).join(', ')}`
    case 'text':
      return field.format?.expected ?? 'a text'
    case 'texts': {
      const item = field.format?.expected ?? 'a text'
      return field.single ? `${item}, or a list of such` : `a list, each ${item}`
    }
  }
}

function integer({ min, max, unit }: Leaf): string {
  const what = `a whole number${unit === undefined ? '' : ` of ${unit}`}`
  const unbounded = max === undefined || max === Number.MAX_SAFE_INTEGER
  if (!unbounded) return `${what} from ${min ?? 'any'} to ${max}`
  return min === undefined ? what : `${what}, ${min} or more`
}

/** A node in a word or two, or its value. */
export function found(node: Node | null): string {
  if (isMap(node)) return 'a mapping'
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list'
  return foundValue(isScalar(node) ? node.value : null)
}

/** A value of the file, shortened. */
export function foundValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value !== 'string') return String(value)
  return quote(value.length > 60 ? `${value.slice(0, 60)}...` : value)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
