import type { Element, Node } from './element.ts'
import { escapeText } from './escape.ts'
import { TRUSTED_LIMITS } from './limits.ts'
import { Namespaces, NO_SCOPE } from './namespaces.ts'
import { NS } from './ns.ts'
import { printElement } from './print.ts'
import { nameText } from './slices.ts'
import { Tag } from './tag.ts'
import { type Child, childTree } from './top-element.ts'

/** What a stanza holds: bytes that mean the same below any stanza, and a table of the children. Immutable; shared by copies of a stanza. */
export class Content {
  static readonly empty: Content = new Content(Buffer.alloc(0), [])

  readonly bytes: Buffer
  readonly children: readonly Child[]
  /** Trees of children that were asked for, by the child's place in the table. */
  private trees: (Element | undefined)[] | undefined

  constructor(bytes: Buffer, children: readonly Child[]) {
    this.bytes = bytes
    this.children = children
  }

  /** Prints elements and text that the server has made. */
  static of(nodes: readonly Node[]): Content {
    return nodes.length === 0 ? Content.empty : Content.empty.plus(...nodes)
  }

  tree(name: string, ns: string): Element | undefined {
    const place = this.children.findIndex(child => child.name === name && child.ns === ns)
    return place < 0 ? undefined : this.treeAt(place)
  }

  allTrees(): Element[] {
    return this.children.map((_, place) => this.treeAt(place))
  }

  /** Leaves children out; what else the content holds stays. */
  without(which: (name: string, ns: string) => boolean): Content {
    const pieces: Buffer[] = []
    const kept: Child[] = []
    let copied = 0
    let dropped = 0
    for (const child of this.children) {
      if (which(child.name, child.ns)) {
        pieces.push(this.bytes.subarray(copied, child.start))
        copied = child.end
        dropped += child.end - child.start
      } else kept.push({ ...child, start: child.start - dropped, end: child.end - dropped })
    }
    if (dropped === 0) return this
    pieces.push(this.bytes.subarray(copied))
    return new Content(Buffer.concat(pieces), kept)
  }

  /** Adds elements or text at the end. Bytes are taken as they are: one element each, canonical (see `TopElement`). */
  plus(...added: readonly (Node | Buffer)[]): Content {
    const pieces = [this.bytes]
    const children = [...this.children]
    let { length } = this.bytes
    for (const node of added) {
      const bytes = encode(node)
      if (typeof node !== 'string')
        children.push({ ...describe(bytes), start: length, end: length + bytes.length })
      pieces.push(bytes)
      length += bytes.length
    }
    return new Content(Buffer.concat(pieces, length), children)
  }

  /** The same in memory of its own, so that keeping it does not keep the chunk that it was received in. */
  compact(): Content {
    if (this.bytes.length === 0) return Content.empty
    const own = Buffer.allocUnsafeSlow(this.bytes.length)
    this.bytes.copy(own)
    return new Content(own, this.children)
  }

  private treeAt(place: number): Element {
    this.trees ??= []
    const tree = this.trees[place] ?? childTree(this.bytes, this.children[place]!, NS.client)
    this.trees[place] = tree
    return tree
  }
}

function encode(node: Node | Buffer): Buffer {
  if (Buffer.isBuffer(node)) return node
  if (typeof node === 'string') return Buffer.from(escapeText(node))
  // An element that still sits in another tree may inherit its namespace from there.
  const inherited = node.name.includes(':') ? undefined : node.getNS()
  return Buffer.from(printElement(node, NS.client, inherited))
}

/** Name and namespace of the element that the bytes start with. */
function describe(bytes: Buffer): { name: string; ns: string } {
  const tag = new Tag(TRUSTED_LIMITS)
  const namespaces = new Namespaces()
  namespaces.reset({ ...NO_SCOPE, defaultNamespace: NS.client })
  tag.parse(bytes, 1, bytes.length)
  namespaces.enter(bytes, tag, 2)
  return {
    name: nameText(bytes, tag.colon < 0 ? tag.name : tag.colon + 1, tag.nameEnd),
    ns: namespaces.element,
  }
}
