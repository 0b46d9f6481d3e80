import { decodeLineEnds, decodeText } from './decode.ts'
import { Element } from './element.ts'
import { nameText, valueText } from './slices.ts'
import type { Tag } from './tag.ts'
import { type Visitor, walk } from './walk.ts'

/** Builds the tree of an element from its decoded start tag and its content, which the reader has validated. It declares `ns` itself. */
export function buildTree(
  name: string,
  ns: string,
  attributes: readonly { readonly name: string; readonly value: string }[],
  content: Buffer,
): Element {
  const root = new Element(name, { xmlns: ns })
  for (const attribute of attributes) setAttribute(root, attribute.name, attribute.value)
  const builder = new Builder(content, root)
  walk(content, builder)
  builder.flush()
  return root
}

/** Sets an attribute whatever its name is: assigning to `__proto__` would not make a property. */
function setAttribute(element: Element, name: string, value: string): void {
  if (name !== '__proto__') element.attrs[name] = value
  else
    Object.defineProperty(element.attrs, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
}

class Builder implements Visitor {
  private readonly content: Buffer
  private parent: Element
  /** Text gathered since the last tag: adjacent text and CDATA sections are one. */
  private gathered = ''

  constructor(content: Buffer, root: Element) {
    this.content = content
    this.parent = root
  }

  open(tag: Tag): void {
    this.flush()
    const element = new Element(nameText(this.content, tag.name, tag.nameEnd))
    for (let k = 0; k < tag.count; k++) {
      const span = tag.spans[k]!
      setAttribute(element, nameText(this.content, span.name, span.nameEnd), valueText(this.content, span))
    }
    this.parent.cnode(element)
    if (!tag.empty) this.parent = element
  }

  close(): void {
    this.flush()
    this.parent = this.parent.parent!
  }

  text(start: number, end: number): void {
    this.gathered += decodeText(this.content.utf8Slice(start, end))
  }

  section(start: number, end: number): void {
    this.gathered += decodeLineEnds(this.content.utf8Slice(start, end))
  }

  flush(): void {
    if (this.gathered === '') return
    this.parent.t(this.gathered)
    this.gathered = ''
  }
}
