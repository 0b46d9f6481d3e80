import type { Element } from './element.ts'
import { escapeText, escapeValue } from './escape.ts'

/**
 * Prints a tree for a place where `inherited` is the default namespace, and does not name it again. Unlike ltx it keeps line ends
 * and tabs through the next parser, and replaces what XML can't hold. Its depth is limited only by the stack: the reader's limits,
 * or our own code, keep trees flat.
 * @param ns the default namespace of the element itself, where it does not declare one
 */
export function printElement(element: Element, inherited: string, ns = inherited): string {
  const own = element.attrs.xmlns ?? ns
  let text = `<${element.name}`
  if (own !== inherited) text += ` xmlns="${escapeValue(own)}"`
  for (const name of Object.keys(element.attrs)) {
    const value: unknown = element.attrs[name]
    if (value === undefined || value === null || name === 'xmlns') continue
    text += ` ${name}="${escapeValue(String(value))}"`
  }
  if (element.children.length === 0) return `${text}/>`
  text += '>'
  for (const child of element.children) {
    text += typeof child === 'object' ? printElement(child, own) : escapeText(String(child))
  }
  return `${text}</${element.name}>`
}

/** Joins a start tag (without its end), content, elements that are written already (`more`) and the end tag. */
export function encodeElement(name: string, startTag: string, content: Buffer, more = ''): Buffer {
  if (content.length === 0 && more === '') return Buffer.from(`${startTag}/>`)
  const startLength = Buffer.byteLength(startTag)
  const contentAt = startLength + 1
  const moreAt = contentAt + content.length
  const endAt = moreAt + (more === '' ? 0 : Buffer.byteLength(more))
  const bytes = Buffer.allocUnsafe(endAt + name.length + 3)
  bytes.utf8Write(startTag, 0)
  bytes[startLength] = 0x3e
  bytes.set(content, contentAt)
  if (more !== '') bytes.utf8Write(more, moreAt)
  bytes.latin1Write(`</${name}>`, endAt)
  return bytes
}

/** The beginning of a start tag and what follows it, in one piece. */
export function spliced(head: string, rest: Buffer): Buffer {
  const length = Buffer.byteLength(head)
  const bytes = Buffer.allocUnsafe(length + rest.length)
  bytes.utf8Write(head, 0)
  bytes.set(rest, length)
  return bytes
}
