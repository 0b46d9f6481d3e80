/**
 * XML elements as trees: ltx's `Element`, and `xml()` to build one.
 * ltx only holds and prints elements here. Untrusted bytes go through our own strict reader (reader.ts).
 */
import { type Attributes, clone, createElement, type Element } from 'ltx'

export { type Attributes, Element } from 'ltx'

/** What `xml()` takes as a child; `undefined` and `false` are left out, so that parts can be optional. */
export type Child = Element | string | undefined | false

/** Builds an element: `xml('query', { xmlns: NS.roster, ver: undefined }, item, 'text')`. Attributes that are `undefined` are left out. */
export function xml(
  name: string,
  attributes?: Record<string, string | undefined>,
  ...children: (Child | Child[])[]
): Element {
  const kept: Attributes = {}
  for (const key in attributes) {
    const value = attributes[key]
    if (value !== undefined) kept[key] = value
  }
  const element = createElement(name, kept)
  for (const child of children.flat()) if (child !== undefined && child !== false) append(element, child)
  return element
}

function append(parent: Element, child: Element | string): void {
  if (typeof child === 'string') parent.t(child)
  // Appending one ltx element to a second parent silently moves its parent link: refuse it while it is cheap to see.
  else if (child.parent !== null && child.parent !== undefined)
    throw new Error(`<${child.name}/> already has a parent`)
  else parent.cnode(child)
}

export type { Node } from 'ltx'

/** A copy without a parent. It says itself which namespace it had, should that have come from the parent. */
export function copyOf(element: Element): Element {
  const copy = clone(element)
  const ns = element.getNS()
  if (ns !== undefined && copy.getNS() !== ns)
    copy.attr(copy.name.includes(':') ? `xmlns:${copy.name.split(':')[0]}` : 'xmlns', ns)
  return copy
}
