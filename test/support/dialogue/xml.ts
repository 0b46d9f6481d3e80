/**
 * XML as a dialogue sees it: a small strict parser that shares nothing with the server's own, so that a mistake in one is seen by the other.
 * It takes what XMPP allows (RFC 6120 §11): no comments, processing instructions, document types or entities but the five.
 */
import { NS } from '../../../src/xml/ns.ts'

/** An element; names are resolved, so prefixes do not matter. */
export interface XmlElement {
  readonly name: string
  readonly namespace: string
  /** By `name`, or `xml:name`, or `{namespace}name`. Declarations of namespaces are not among them. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: (XmlElement | string)[]
}

/** What a stream is made of: its header (without children), top-level elements, its end. */
export type XmlEvent =
  | { readonly kind: 'open'; readonly element: XmlElement }
  | { readonly kind: 'element'; readonly element: XmlElement }
  | { readonly kind: 'close' }

/** Namespaces in scope by prefix; '' is the default one. */
export type Scope = ReadonlyMap<string, string>

/** What an XML text may use without declaring it, when it stands inside a client's stream. */
export const STREAM_SCOPE: Scope = new Map([
  ['xml', NS.xml],
  ['', NS.client],
  ['stream', NS.stream],
])

/** What a text may use without declaring it, when it stands alone. */
export const ROOT_SCOPE: Scope = new Map([['xml', NS.xml]])
const NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/
const ATTRIBUTE = /^\s+([^\s=<>"']+)\s*=\s*("[^"<]*"|'[^'<]*')/
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

interface Open {
  readonly tag: string
  readonly element: XmlElement
  readonly scope: Scope
}

/** Reads XML in pieces and gives what is complete. Throws an Error that names the fault. */
export class XmlParser {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })
  private readonly open: Open[] = []
  private scope: Scope
  private streamTag: string | undefined
  private rest = ''
  /** An XML declaration was just read: only a stream header may follow. */
  private declared = false

  /** `scope`: what is declared around the text; without it the text begins with a stream header or an element of its own. */
  constructor(scope: Scope = ROOT_SCOPE) {
    this.scope = scope
  }

  /** True between elements: nothing is half read. */
  get idle(): boolean {
    return this.rest.trim() === '' && this.open.length === 0
  }

  write(bytes: Uint8Array | string): XmlEvent[] {
    this.rest += typeof bytes === 'string' ? bytes : this.decoder.decode(bytes, { stream: true })
    const events: XmlEvent[] = []
    for (let token = this.next(); token !== undefined; token = this.next()) {
      const markup = token.startsWith('<') && !token.startsWith('<![CDATA[')
      const event = markup ? this.tag(token) : this.text(token)
      if (event !== undefined) events.push(event)
    }
    return events
  }

  /** The next whole tag or the text before it. Text is held back until a tag ends it. */
  private next(): string | undefined {
    const start = this.rest.indexOf('<')
    if (start < 0)
      return this.open.length === 0 && this.rest.trim() !== '' ? this.cut(this.rest.length) : undefined
    if (start > 0) return this.cut(start)
    const section = /^<!\[CDATA\[.*?\]\]>/s.exec(this.rest)?.[0].length
    if (section !== undefined) return this.cut(section)
    if ('<![CDATA['.startsWith(this.rest) || this.rest.startsWith('<![CDATA[')) return undefined
    // A `>` may stand in an attribute's value.
    const end = /^<(?:[^"'>]|"[^"]*"|'[^']*')*>/.exec(this.rest)?.[0].length
    return end === undefined ? undefined : this.cut(end)
  }

  private cut(length: number): string {
    const token = this.rest.slice(0, length)
    this.rest = this.rest.slice(length)
    return token
  }

  private text(token: string): undefined {
    const parent = this.open.at(-1)
    if (parent === undefined && token.trim() !== '')
      throw new Error(`text outside of elements: ${token.trim()}`)
    if (token.startsWith('<![CDATA[')) return this.append(token.slice(9, -3))
    if (token.includes(']]>')) throw new Error('"]]>" in text')
    return this.append(decode(token))
  }

  private append(text: string): undefined {
    const children = this.open.at(-1)?.element.children
    const last = children?.at(-1)
    if (typeof last === 'string') children?.splice(-1, 1, last + text)
    else children?.push(text)
  }

  private tag(token: string): XmlEvent | undefined {
    const declared = this.declared
    this.declared = token.startsWith('<?xml ') && this.open.length === 0 && !declared
    if (this.declared) return undefined
    if (/^<[?!]/.test(token)) throw new Error(`not allowed in XMPP: ${token}`)
    if (token.startsWith('</')) return this.end(token.slice(2, -1).trimEnd())
    const empty = token.endsWith('/>')
    const { name, scope, element } = this.start(token.slice(1, empty ? -2 : -1))
    if (element.namespace === NS.stream && element.name === 'stream' && this.open.length === 0) {
      this.streamTag = name
      this.scope = scope
      return { kind: 'open', element }
    }
    if (declared) throw new Error(`<${name}> where a stream header is expected`)
    if (empty) return this.finish(element)
    this.open.push({ tag: name, element, scope })
    return undefined
  }

  private end(name: string): XmlEvent | undefined {
    const top = this.open.pop()
    if (top !== undefined) {
      if (top.tag !== name) throw new Error(`<${top.tag}> is closed by </${name}>`)
      return this.finish(top.element)
    }
    if (name !== (this.streamTag ?? 'stream:stream')) throw new Error(`</${name}> closes nothing`)
    return { kind: 'close' }
  }

  private finish(element: XmlElement): XmlEvent | undefined {
    const parent = this.open.at(-1)
    if (parent === undefined) return { kind: 'element', element }
    parent.element.children.push(element)
    return undefined
  }

  private start(tag: string): { name: string; scope: Scope; element: XmlElement } {
    const name = /^[^\s/]*/.exec(tag)?.[0] ?? ''
    if (!NAME.test(name)) throw new Error(`no name of an element: <${tag}>`)
    const written = readAttributes(tag.slice(name.length), tag)
    const scope = new Map(this.open.at(-1)?.scope ?? this.scope)
    for (const [key, value] of written)
      if (key === 'xmlns') scope.set('', value)
      else if (key.startsWith('xmlns:')) scope.set(key.slice(6), value)
    const attributes = new Map<string, string>()
    for (const [key, value] of written) {
      if (key === 'xmlns' || key.startsWith('xmlns:')) continue
      const resolved = attributeName(key, scope)
      if (attributes.has(resolved)) throw new Error(`attribute ${key} twice in <${tag}>`)
      attributes.set(resolved, value)
    }
    const colon = name.indexOf(':')
    const namespace = lookUp(scope, name.slice(0, Math.max(colon, 0)), name)
    return { name, scope, element: { name: name.slice(colon + 1), namespace, attributes, children: [] } }
  }
}

/** All events of a complete text. */
export function parseXml(text: string, scope: Scope = STREAM_SCOPE): XmlEvent[] {
  const parser = new XmlParser(scope)
  const events = parser.write(text)
  if (!parser.idle) throw new Error(`the XML is not complete: ${text}`)
  return events
}

function readAttributes(text: string, tag: string): Map<string, string> {
  const attributes = new Map<string, string>()
  let rest = text
  for (let match = ATTRIBUTE.exec(rest); match !== null; match = ATTRIBUTE.exec(rest)) {
    const [whole, name = '', value = ''] = match
    if (!NAME.test(name)) throw new Error(`no name of an attribute: ${name}`)
    if (attributes.has(name)) throw new Error(`attribute ${name} twice in <${tag}>`)
    attributes.set(name, decode(value.slice(1, -1)))
    rest = rest.slice(whole.length)
  }
  if (rest.trim() !== '') throw new Error(`attributes of <${tag}> cannot be read`)
  return attributes
}

function attributeName(key: string, scope: Scope): string {
  const colon = key.indexOf(':')
  if (colon < 0 || key.startsWith('xml:')) return key
  return `{${lookUp(scope, key.slice(0, colon), key)}}${key.slice(colon + 1)}`
}

function lookUp(scope: Scope, prefix: string, name: string): string {
  const namespace = scope.get(prefix)
  if (namespace === undefined && prefix !== '') throw new Error(`the prefix of ${name} is not declared`)
  return namespace ?? ''
}

function decode(text: string): string {
  return text.replace(/&([^;&]*;?)/g, (whole, body: string) => {
    if (!body.endsWith(';')) throw new Error(`a bare "&": ${whole}`)
    const name = body.slice(0, -1)
    const number = /^#(?:x([0-9a-fA-F]+)|(\d+))$/.exec(name)
    if (number !== null)
      return String.fromCodePoint(number[1] ? Number.parseInt(number[1], 16) : Number(number[2]))
    const character = ENTITIES[name]
    if (character === undefined) throw new Error(`an unknown entity: ${whole}`)
    return character
  })
}

/** Prints an element for people: a line each, namespaces where they change. */
export function printXml(element: XmlElement, around = NS.client as string, indent = ''): string {
  const declared = element.namespace === around ? '' : ` xmlns="${element.namespace}"`
  const attributes = [...element.attributes].map(([name, value]) => ` ${name}="${value}"`).join('')
  const start = `${indent}<${element.name}${declared}${attributes}`
  if (element.children.length === 0) return `${start}/>`
  if (element.children.every(child => typeof child === 'string'))
    return `${start}>${element.children.join('')}</${element.name}>`
  const lines = element.children.map(child =>
    typeof child === 'string' ? `${indent}  ${child}` : printXml(child, element.namespace, `${indent}  `),
  )
  return [`${start}>`, ...lines, `${indent}</${element.name}>`].join('\n')
}

/** Prints one event for people. */
export function printEvent(event: XmlEvent): string {
  if (event.kind === 'close') return '</stream:stream>'
  const text = printXml(event.element)
  return event.kind === 'open' ? text.replace(/\/>$/, '> (stream header)') : text
}
