import type { Attribute } from './top-element.ts'

/** None. */
export const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()

/** The attributes that are no fields of a stanza. */
export function otherAttributes(attributes: readonly Attribute[]): ReadonlyMap<string, string> {
  let others: Map<string, string> | undefined
  for (const { name, value } of attributes) {
    if (
      name === 'to' ||
      name === 'from' ||
      name === 'type' ||
      name === 'id' ||
      name === 'xml:lang' ||
      name === 'xmlns'
    )
      continue
    others ??= new Map()
    others.set(name, value)
  }
  return others ?? NO_ATTRIBUTES
}
