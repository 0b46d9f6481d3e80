/** Trees of ours in the notation of expat-oracle.py, with a resolution of prefixes that knows nothing of the reader's. */
import type { Element } from '../../src/xml/element.ts'
import { NS } from '../../src/xml/ns.ts'
import type { TopElement } from '../../src/xml/reader.ts'

/** What a top-level element is, of its tree. */
export function canonicalTop(top: TopElement, inherited: string): string {
  return canonical(top.tree(), { '': inherited })
}

/** The three content namespaces of elements are one to us. */
export function normalized(tree: string): string {
  const client = `\x02${NS.client}\x01`
  return tree.replaceAll(`\x02${NS.server}\x01`, client).replaceAll(`\x02${NS.component}\x01`, client)
}

/** Namespaces by prefix, '' for the default. */
type Scope = Readonly<Record<string, string>>

/** An element in a place where `outer` is in scope. */
export function canonical(element: Element, outer: Scope): string {
  const scope: Record<string, string> = { __proto__: null as unknown as string, xml: NS.xml, ...outer }
  const attributes: [string, string][] = []
  for (const [name, value] of Object.entries(element.attrs)) {
    if (name === 'xmlns') scope[''] = value
    else if (name.startsWith('xmlns:')) scope[name.slice(6)] = value
    else attributes.push([name, value])
  }
  const resolved = attributes.map(
    ([name, value]) => `${name.includes(':') ? expanded(name, scope) : name}\x04${value}`,
  )
  let text = [`\x02${expanded(element.name, scope)}`, ...resolved.sort(byKey)].join('\x03')
  text += '\x05'
  let gathered = ''
  for (const child of element.children) {
    if (typeof child === 'string') {
      gathered += child
      continue
    }
    if (gathered !== '') text += `\x06${gathered}`
    gathered = ''
    text += canonical(child, scope)
  }
  if (gathered !== '') text += `\x06${gathered}`
  return `${text}\x07`
}

function expanded(name: string, scope: Scope): string {
  const colon = name.indexOf(':')
  const prefix = colon < 0 ? '' : name.slice(0, colon)
  return `${scope[prefix] ?? `undeclared ${prefix}`}\x01${name.slice(colon + 1)}`
}

function byKey(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one.split('\x04')[0]!), Buffer.from(other.split('\x04')[0]!))
}
