/** The part of ltx that we use; the package ships no types of its own. */
declare module 'ltx' {
  export type Attributes = Record<string, string>
  export type Node = Element | string
  export class Element {
    constructor(name: string, attrs?: string | Attributes)
    name: string
    parent: Element | null
    attrs: Attributes
    children: Node[]
    is(name: string, xmlns?: string): boolean
    getName(): string
    getNS(): string | undefined
    getXmlns(): Record<string, string>
    setAttrs(attrs: Attributes): void
    getAttr(name: string, xmlns?: string): string | undefined
    getChild(name: string, xmlns?: string): Element | undefined
    getChildren(name: string, xmlns?: string): Element[]
    getChildElements(): Element[]
    getText(): string
    getChildText(name: string, xmlns?: string): string | null
    c(name: string, attrs?: Attributes): Element
    cnode(node: Element): Element
    t(text: string): Element
    append(...nodes: Node[]): void
    prepend(...nodes: Node[]): void
    remove(node: Element): void
    up(): Element
    text(value?: string): string
    attr(name: string, value?: string | null): string | undefined
    toString(): string
  }
  export function createElement(
    name: string,
    attrs?: Attributes | null,
    ...children: (Node | undefined)[]
  ): Element
  export function clone(element: Element): Element
}
