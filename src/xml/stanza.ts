import { Content } from './content.ts'
import type { Element } from './element.ts'
import { escapeValue } from './escape.ts'
import { JID } from './jid.ts'
import { TRUSTED_LIMITS } from './limits.ts'
import { NS } from './ns.ts'
import { NO_ATTRIBUTES, otherAttributes } from './other-attributes.ts'
import { encodeElement, spliced } from './print.ts'
import { readElement } from './reader.ts'
import { type Numbers, printSequence } from './sequence.ts'
import { type Printed, readFramed, writeFramed } from './stanza-frame.ts'
import type { Attribute, Child, TopElement } from './top-element.ts'
import { buildTree } from './tree.ts'

/** The three kinds of stanza: RFC 6120 §8.2. */
export type StanzaKind = 'message' | 'presence' | 'iq'

/** An id that one of our archives gave to a stanza (XEP-0359). */
export interface StanzaId {
  /** The owner of the archive: a bare JID. */
  readonly by: string
  readonly id: string
  /** Given with it, where its host gives such. */
  readonly numbers?: Numbers | undefined
}

/** What a server-made stanza says about itself. What is `undefined` is not written. */
export interface StanzaAttributes {
  readonly from: JID
  readonly to?: JID | undefined
  readonly type?: string | undefined
  readonly id?: string | undefined
  /** `xml:lang` */
  readonly lang?: string | undefined
}

/** What may differ in a copy that shares its content. A key that is there with `undefined` removes the attribute. */
export type StanzaChanges = Partial<StanzaAttributes> & { readonly ids?: readonly StanzaId[] | undefined }

interface Parts {
  readonly kind: StanzaKind
  readonly type: string | undefined
  readonly id: string | undefined
  readonly from: JID
  readonly to: JID | undefined
  readonly lang: string | undefined
  readonly attributes: ReadonlyMap<string, string>
  readonly ids: readonly StanzaId[] | undefined
}

/** What takes the bytes of a stream. */
export interface Output {
  /** Takes bytes, which nobody may change any more, and text that goes before them. */
  send(bytes: Buffer, before?: string): void
}

/**
 * What is routed (RFC 6120 §8): the start tag decoded, the children as validated bytes that are spliced, not printed again.
 * Immutable. Absent is not empty: no `to` is not the own bare JID, no `id` is not ''.
 */
export class Stanza {
  readonly kind: StanzaKind
  /** As sent, also when it is none that RFC 6121 knows. */
  readonly type: string | undefined
  readonly id: string | undefined
  readonly from: JID
  readonly to: JID | undefined
  /** `xml:lang` */
  readonly lang: string | undefined
  /** All other attributes, verbatim. */
  readonly attributes: ReadonlyMap<string, string>
  /** Ids given by our archives, for whoever may see them: beside the content, and printed at its end. */
  readonly ids: readonly StanzaId[] | undefined
  private readonly content: Content
  /** As sent to `to`. */
  private encoded: Buffer | undefined
  private packed: Buffer | undefined
  /** What follows `to` in the bytes; only in copies that go to many. */
  private rest: Buffer | undefined

  /** Made of parts, or of another stanza. */
  private constructor(parts: Parts, content: Content, to = parts.to) {
    this.kind = parts.kind
    this.type = parts.type
    this.id = parts.id
    this.from = parts.from
    this.to = to
    this.lang = parts.lang
    this.attributes = parts.attributes
    this.ids = parts.ids
    this.content = content
    this.encoded = undefined
    this.packed = undefined
    this.rest = undefined
  }

  /**
   * Makes a stanza of an element that was received; its name must be that of a stanza. The caller has decided on the addresses
   * (RFC 6120 §8.1.1, §8.1.2): those in the element are not read.
   */
  static fromElement(top: TopElement, from: JID, to: JID | undefined): Stanza {
    const kind = top.name
    if (kind !== 'message' && kind !== 'presence' && kind !== 'iq')
      throw new Error(`<${kind}/> is not a stanza`)
    const parts: Parts = {
      kind,
      type: top.attribute('type'),
      id: top.attribute('id'),
      from,
      to,
      // RFC 6120 §8.1.5: a stanza without xml:lang has that of its stream, which is lost where the stanza goes.
      lang: top.lang,
      attributes: otherAttributes(top.attributes),
      ids: undefined,
    }
    return new Stanza(parts, new Content(top.content, top.children))
  }

  /** Makes a stanza of the server's own. */
  static build(kind: StanzaKind, attributes: StanzaAttributes, ...children: Element[]): Stanza {
    const { from, to, type, id, lang } = attributes
    const content = Content.of(children)
    return new Stanza({ kind, type, id, from, to, lang, attributes: NO_ATTRIBUTES, ids: undefined }, content)
  }

  /** Reads what `pack` wrote. Throws `StreamError` or `JIDError` when the bytes are damaged. */
  static unpack(bytes: Buffer): Stanza {
    const top = readElement(bytes, TRUSTED_LIMITS)
    const from = top.attribute('from')
    const to = top.attribute('to')
    if (from === undefined) throw new Error('a packed stanza has no sender')
    return Stanza.fromElement(top, JID.parse(from), to === undefined ? undefined : JID.parse(to))
  }

  /** Reads what `toFrame` wrote; it shares the memory of the bytes. */
  static fromFrame(bytes: Buffer): Stanza {
    const { head, content, children } = readFramed(bytes)
    const { from, to } = head
    const parts = {
      ...head,
      kind: head.kind as StanzaKind,
      from: JID.parse(from),
      to: to === undefined ? undefined : JID.parse(to),
      ids: undefined,
    }
    return new Stanza(parts, new Content(content, children))
  }

  /** Writes it for another node, which reads it at a third of the cost of XML. Its `ids` become children, as with `pack`. */
  toFrame(): Buffer {
    const { kind, type, id, lang, attributes, from, to, ids } = this
    const head = { kind, type, id, lang, attributes, from: from.toString(), to: to?.toString() }
    return writeFramed(head, this.content, ids === undefined ? [] : printIds(ids))
  }

  /** Writes it as XML that stands alone: for storage. Made once: change nothing. What is unpacked has its `ids` as children. */
  pack(): Buffer {
    this.packed ??= this.encodeIn(NS.client)
    return this.packed
  }

  /** Whether there is such a child at the top level. Builds no tree. */
  has(name: string, ns: string): boolean {
    for (const child of this.content.children) if (child.name === name && child.ns === ns) return true
    return false
  }

  /** Whether there is any child of this namespace at the top level. Builds no tree. */
  hasIn(ns: string): boolean {
    for (const child of this.content.children) if (child.ns === ns) return true
    return false
  }

  /** The tree of the first such child, built once and shared by all who ask: read it, do not change it, append it to nothing. */
  child(name: string, ns: string): Element | undefined {
    return this.content.tree(name, ns)
  }

  /** The trees of all children, shared as with `child`. */
  children(): Element[] {
    return this.content.allTrees()
  }

  /** A copy without the children that `which` picks. */
  without(which: (name: string, ns: string) => boolean): Stanza {
    const content = this.content.without(which)
    return content === this.content ? this : this.copy({}, content)
  }

  /** A copy with one more child at the end. A Buffer holds one element, canonical (see `TopElement`), such as what `encodeIn` returns. */
  plus(child: Buffer | Element): Stanza {
    return this.copy({}, this.content.plus(child))
  }

  /** A copy with any other change of type, id, lang, further attributes and content. The addresses stay: use `with` for them. */
  edit(change: (copy: Element) => void): Stanza {
    const tree = this.element()
    change(tree)
    const attributes = Object.entries(tree.attrs).map(([name, value]) => ({ name, value: String(value) }))
    const { type, id, 'xml:lang': lang } = tree.attrs
    const content = Content.of(tree.children)
    return this.copy({ type, id, lang, attributes: otherAttributes(attributes) }, content)
  }

  /** A copy with other attributes, which shares the content. */
  with(changes: StanzaChanges): Stanza {
    return this.copy(changes as Partial<Parts>)
  }

  /** A copy for one of many recipients: what follows `to` in the bytes is printed once for all of them. */
  readdress(to: JID): Stanza {
    this.rest ??= this.bytes(this.startTag(undefined, '')).subarray(this.kind.length + 1)
    const copy = new Stanza(this, this.content, to)
    copy.rest = this.rest
    return copy
  }

  /** A copy that holds one element and nothing else: `encoded` is the copy's bytes on a client stream, in which `child` says where that is. */
  printed(encoded: Buffer, { name, ns, start, end }: Child): Stanza {
    const content = new Content(encoded.subarray(start, end), [{ name, ns, start: 0, end: end - start }])
    const copy = new Stanza(this, content)
    copy.encoded = encoded
    return copy
  }

  /**
   * The answer to this stanza: same id (RFC 6120 §8.2.3 rule 3 for an IQ, §8.1.3 in general) and language, `from` and `to` swapped.
   * What was sent without `to` is answered by the sender's account: RFC 6120 §10.3.3.
   */
  reply(type: string, ...children: Element[]): Stanza {
    const { lang, kind } = this
    // RFC 6120 §8.2.3, §8.3.1 rule 3: the answer to an IQ without id has an empty one.
    const id = kind === 'iq' ? (this.id ?? '') : this.id
    return Stanza.build(kind, { type, id, lang, from: this.to ?? this.from.bare, to: this.from }, ...children)
  }

  /** The bytes on a client stream, for `to` or for another recipient. Those for `to` are made once: send them as they are, change nothing. */
  encode(to: JID | undefined = this.to): Buffer {
    if (to !== this.to) return this.print(to)
    this.encoded ??= this.print(to)
    return this.encoded
  }

  /** Puts the bytes on a client stream, for `to`: what many get, as it is, behind the little that each gets alone. */
  put(out: Output): void {
    if (this.rest === undefined || this.to === undefined) out.send(this.encode())
    else out.send(this.rest, this.headFor(this.to))
  }

  /** The bytes for a place with another default namespace, such as a wrapper or a server stream: `ns` is declared. */
  encodeIn(ns: string): Buffer {
    return this.bytes(this.startTag(this.to, ` xmlns="${escapeValue(ns)}"`))
  }

  /** The whole stanza as a tree, without its `ids`; made anew with each call. */
  element(): Element {
    const attributes: Attribute[] = []
    const add = (name: string, value: string | undefined) =>
      value !== undefined && attributes.push({ name, value })
    add('to', this.to?.toString())
    add('from', this.from.toString())
    add('type', this.type)
    add('id', this.id)
    add('xml:lang', this.lang)
    for (const [name, value] of this.attributes) add(name, value)
    return buildTree(this.kind, NS.client, attributes, this.content.bytes)
  }

  /** The same in memory of its own. For what is kept long: a stanza as received keeps the whole chunk (64 KiB) that it came in. */
  compact(): Stanza {
    return this.copy({}, this.content.compact())
  }

  /** The children, and what is between them, as they came: change nothing. */
  get bytesOfContent(): Buffer {
    return this.content.bytes
  }

  /** Bytes of the content: what a queue or a quota counts. */
  get size(): number {
    return this.content.bytes.length
  }

  private copy(changes: Partial<Parts>, content = this.content): Stanza {
    const { kind, type, id, from, to, lang, attributes, ids } = this
    return new Stanza({ kind, type, id, from, to, lang, attributes, ids, ...changes }, content)
  }

  private print(to: JID | undefined): Buffer {
    if (this.rest === undefined || to === undefined) return this.bytes(this.startTag(to, ''))
    return spliced(this.headFor(to), this.rest)
  }

  private headFor(to: JID): string {
    return `<${this.kind} to="${to.toValue()}"`
  }

  private bytes(startTag: string): Buffer {
    return encodeElement(this.kind, startTag, this.content.bytes, this.ids && textOf(this.ids))
  }

  /** `to` comes first, so that all else of a stanza to many is the same. */
  private startTag(to: JID | undefined, declaration: string): string {
    let tag = `<${this.kind}${declaration}`
    if (to !== undefined) tag += ` to="${to.toValue()}"`
    tag += ` from="${this.from.toValue()}"`
    if (this.type !== undefined) tag += ` type="${escapeValue(this.type)}"`
    if (this.id !== undefined) tag += ` id="${escapeValue(this.id)}"`
    if (this.lang !== undefined) tag += ` xml:lang="${escapeValue(this.lang)}"`
    if (this.attributes.size > 0)
      for (const [name, value] of this.attributes) tag += ` ${name}="${escapeValue(value)}"`
    return tag
  }
}

/** XEP-0359 §2.1, docs/protocol/sequence.md */
function printIds(ids: readonly StanzaId[]): Printed[] {
  const printed: Printed[] = []
  for (const { by, id, numbers } of ids) {
    const text = `<stanza-id xmlns="${NS.stanzaIds}" by="${escapeValue(by)}" id="${escapeValue(id)}"/>`
    printed.push({ name: 'stanza-id', ns: NS.stanzaIds, text })
    if (numbers === undefined) continue
    printed.push({ name: 'sequence', ns: NS.sequence, text: printSequence(by, numbers) })
  }
  return printed
}

function textOf(ids: readonly StanzaId[]): string {
  let text = ''
  for (const printed of printIds(ids)) text += printed.text
  return text
}
