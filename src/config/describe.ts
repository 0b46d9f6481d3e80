/** The keys of the configuration as data, for what is generated from them: the reference, the JSON schema. */
import type { Extension } from '../core/extension.ts'
import type { Field, Fields, Leaf } from './fields.ts'
import { join } from './problems.ts'
import { allFields } from './schema.ts'
import { expected } from './wording.ts'

/** One key of the reference. */
export interface KeyDescription {
  /** Key path: `listeners.xmpp.port`; `[]` stands for any place in a list, `*` for any key. */
  readonly path: string
  /** What it takes, in words. */
  readonly type: string
  /** As JSON, or in words; absent where there is none. */
  readonly default?: string
  readonly doc: string
  /** The feature it waits for: accepted, warned of at start. */
  readonly later?: string
}

/** Every key in the order of the schema, sections before what is in them. Pure. */
export function describeConfig(extensions: readonly Extension[]): KeyDescription[] {
  return describeFields(allFields(extensions), '')
}

function describeFields(fields: Fields, path: string): KeyDescription[] {
  return Object.entries(fields).flatMap(([key, field]) => describeField(field, join(path, key)))
}

function describeField(field: Field, path: string): KeyDescription[] {
  const { later } = field
  const waiting = later && {
    later: later.values ? `${later.values.join(', ')}: ${later.feature}` : later.feature,
  }
  const like = field.kind === 'section' ? field.like : undefined
  const type = like === undefined ? expected(field) : `the same as \`${like}\``
  const row = { path, type, doc: field.doc, ...defaultOf(field), ...waiting }
  switch (field.kind) {
    case 'section':
      return field.like === undefined ? [row, ...describeFields(field.fields, path)] : [row]
    case 'list':
      return [row, ...describeFields(field.of.fields, `${path}[]`)]
    default:
      return [row]
  }
}

function defaultOf(field: Field): { default?: string } {
  switch (field.kind) {
    case 'section':
      return 'value' in field.absent && field.absent.value === false ? { default: 'false' } : {}
    case 'dictionary':
      return { default: '{}' }
    default: {
      const words = (field as Leaf).defaultDoc
      if (words !== undefined) return { default: words }
      const none = field.default === undefined || ('required' in field && field.required)
      return none ? {} : { default: JSON.stringify(field.default) }
    }
  }
}
