import type { Element } from './element.ts'
import { buildTree } from './tree.ts'

/** An attribute of a start tag, decoded. The name is as written: `to`, `xml:lang`, `p:x`. */
export interface Attribute {
  readonly name: string
  readonly value: string
}

/** A child of a top-level element: what it is and where it lies, as indices into the content. */
export interface Child {
  readonly name: string
  readonly ns: string
  readonly start: number
  readonly end: number
}

/**
 * An element at the top level of a stream, a stanza or part of a negotiation: start tag decoded, content as validated bytes.
 * Content means the same wherever it is put below an element of the same namespace: it uses no prefix and no default namespace
 * declared outside it. All content namespaces are `jabber:client` here.
 */
export class TopElement {
  readonly kind = 'element'
  /** Without prefix. */
  readonly name: string
  readonly ns: string
  /** `xml:lang`, its own or the stream's. */
  readonly lang: string | undefined
  /** All attributes but declarations of namespaces (save those of prefixes that other attributes here use), in order. */
  readonly attributes: readonly Attribute[]
  /** What is between the start tag and the end tag. Usually a part of the chunk that was received. */
  readonly content: Buffer
  readonly children: readonly Child[]

  constructor(
    name: string,
    ns: string,
    lang: string | undefined,
    attributes: readonly Attribute[],
    content: Buffer,
    children: readonly Child[],
  ) {
    this.name = name
    this.ns = ns
    this.lang = lang
    this.attributes = attributes
    this.content = content
    this.children = children
  }

  /** The value of an attribute, by its name as written. */
  attribute(name: string): string | undefined {
    for (const attribute of this.attributes) if (attribute.name === name) return attribute.value
    return undefined
  }

  has(name: string, ns: string): boolean {
    return findChild(this.children, name, ns) !== undefined
  }

  /** The tree of the first such child, made anew with each call. */
  child(name: string, ns: string): Element | undefined {
    const found = findChild(this.children, name, ns)
    return found && childTree(this.content, found, this.ns)
  }

  /** The whole element as a tree, made anew with each call. */
  tree(): Element {
    return buildTree(this.name, this.ns, this.attributes, this.content)
  }

  /** The text directly in the element, such as the data of SASL (RFC 6120 §6.4). */
  text(): string {
    return this.tree().getText()
  }
}

/** The first child of this name. */
function findChild(children: readonly Child[], name: string, ns: string): Child | undefined {
  for (const child of children) if (child.name === name && child.ns === ns) return child
  return undefined
}

/**
 * The tree of one child, standing alone: it declares its default namespace, which without it would be that of what it was taken from.
 * @param inherited the default namespace of the content
 */
export function childTree(content: Buffer, child: Child, inherited: string): Element {
  const around = buildTree('', inherited, [], content.subarray(child.start, child.end))
  const [tree] = around.getChildElements()
  around.remove(tree!)
  tree!.parent = null
  if (tree!.attrs.xmlns === undefined) tree!.attrs = { xmlns: inherited, ...tree!.attrs }
  return tree!
}
