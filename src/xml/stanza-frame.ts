/** A stanza on its way from node to node: what a reader found out about it is said, so that nobody has to read it again. */
import type { Content } from './content.ts'
import { NO_ATTRIBUTES } from './other-attributes.ts'
import type { Child } from './top-element.ts'

/** What a frame says of a stanza besides its content; addresses as text. */
export interface Framed {
  readonly kind: string
  readonly type: string | undefined
  readonly id: string | undefined
  readonly from: string
  readonly to: string | undefined
  readonly lang: string | undefined
  readonly attributes: ReadonlyMap<string, string>
}

/** Between two fields, and for one that is absent: XML has neither character (XML 1.0 §2.2), so no field that a client has sent does. */
const BETWEEN = '\u0000'
const ABSENT = '\u0001'
/** Of a field that the server has made. Printed as XML they would be replaced as well. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these it must not hold
const RESERVED = /[\u0000\u0001]/g
const REPLACEMENT = '\ufffd'
/** Fields before those of the children. */
const HEAD_FIELDS = 7
const CHILD_FIELDS = 4
/** Bytes of the length of the fields. */
const LENGTH = 4

/** An element that is printed already. */
export interface Printed {
  readonly name: string
  readonly ns: string
  readonly text: string
}

/** The bytes: a length, the fields (the head's, four of each child), the content with `more` at its end. */
export function writeFramed(head: Framed, content: Content, more: readonly Printed[]): Buffer {
  const { kind, from, to = ABSENT, attributes } = head
  const others = attributes.size === 0 ? ABSENT : JSON.stringify([...attributes])
  let fields = `${kind}\0${field(head.type)}\0${field(head.id)}\0${from}\0${to}\0${field(head.lang)}\0${others}`
  for (const { name, ns, start, end } of content.children) fields += `\0${name}\0${ns}\0${start}\0${end}`
  let contentLength = content.bytes.length
  for (const { name, ns, text } of more) {
    const start = contentLength
    contentLength += Buffer.byteLength(text)
    fields += `\0${name}\0${ns}\0${start}\0${contentLength}`
  }
  const length = Buffer.byteLength(fields)
  const bytes = Buffer.allocUnsafe(LENGTH + length + contentLength)
  bytes.writeUInt32BE(length, 0)
  bytes.utf8Write(fields, LENGTH)
  bytes.set(content.bytes, LENGTH + length)
  let at = LENGTH + length + content.bytes.length
  for (const { text } of more) at += bytes.utf8Write(text, at)
  return bytes
}

/** Reads what `writeFramed` wrote; the content shares the memory of `bytes`. */
export function readFramed(bytes: Buffer): { head: Framed; content: Buffer; children: readonly Child[] } {
  const end = LENGTH + bytes.readUInt32BE(0)
  const fields = bytes.utf8Slice(LENGTH, end).split(BETWEEN)
  const children: Child[] = []
  for (let at = HEAD_FIELDS; at < fields.length; at += CHILD_FIELDS)
    children.push({
      name: fields[at]!,
      ns: fields[at + 1]!,
      start: Number(fields[at + 2]),
      end: Number(fields[at + 3]),
    })
  const [kind, type, id, from, to, lang, others] = fields
  const head: Framed = {
    kind: kind!,
    type: present(type),
    id: present(id),
    from: from!,
    to: present(to),
    lang: present(lang),
    attributes: others === ABSENT ? NO_ATTRIBUTES : new Map(JSON.parse(others!)),
  }
  return { head, content: bytes.subarray(end), children }
}

function field(text: string | undefined): string {
  return text === undefined ? ABSENT : text.replace(RESERVED, REPLACEMENT)
}

function present(field: string | undefined): string | undefined {
  return field === ABSENT ? undefined : field
}
