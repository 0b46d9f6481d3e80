import type { Extension } from '../core/extension.ts'
import type { Field, Fields, Leaf } from './fields.ts'
import { allFields } from './schema.ts'

/** JSON Schema (draft 2020-12) of the configuration file, for editors. Pure: the same extensions give the same schema. */
export function jsonSchema(extensions: readonly Extension[]): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Tidings',
    ...objectOf(allFields(extensions)),
  }
}

function objectOf(fields: Fields): object {
  const required = Object.keys(fields).filter(key => (fields[key] as Leaf).required)
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, schemaOf(field)])),
    ...(required.length > 0 && { required }),
  }
}

function schemaOf(field: Field): object {
  const later = field.later && ` (Later: ${[...(field.later.values ?? []), field.later.feature].join(', ')}.)`
  const description = field.doc + (later ?? '')
  switch (field.kind) {
    case 'section':
      if (field.like !== undefined) return { description, $ref: `#/properties/${field.like}` }
      return { description, ...orOff(objectOf(field.fields), field.off) }
    case 'list':
      return {
        description,
        type: 'array',
        minItems: field.default.length === 0 ? 0 : 1,
        items: objectOf(field.of.fields),
        default: field.default,
      }
    case 'dictionary':
      return { description, type: 'object', additionalProperties: { type: 'string' }, default: {} }
    default: {
      const none = field.default === undefined || field.required
      const leaf = orOff(leafOf(field), field.off)
      return { description, ...(!none && { default: field.default }), ...orAuto(leaf, field.auto) }
    }
  }
}

/** `false` instead, and, for what is not text, a variable of the environment. */
function orOff(schema: object, off: boolean | undefined): object {
  return off ? { anyOf: [{ const: false }, schema] } : schema
}

/** `auto` instead. */
function orAuto(schema: object, auto: boolean | undefined): object {
  return auto ? { anyOf: [{ const: 'auto' }, schema] } : schema
}

/** A variable of the environment may stand wherever a single value does. */
const VARIABLE = { type: 'string', pattern: '\\$\\{[^}]+\\}' }

function leafOf({ kind, min, max, choices, single }: Leaf): object {
  switch (kind) {
    case 'integer': {
      const bounds = {
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      }
      return { anyOf: [{ type: 'integer', ...bounds }, VARIABLE] }
    }
    case 'boolean':
      return { anyOf: [{ type: 'boolean' }, VARIABLE] }
    case 'choice':
      return { anyOf: [{ enum: choices }, VARIABLE] }
    case 'text':
      return { type: 'string' }
    case 'texts': {
      const list = { type: 'array', items: { type: 'string' } }
      return single ? { anyOf: [{ type: 'string' }, list] } : list
    }
  }
}
