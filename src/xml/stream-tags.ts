import { isUtf8 } from 'node:buffer'
import { EXCLAMATION, GREATER, isSpace, LESS, QUESTION, startsLike } from './bytes.ts'
import { decodeHead, type Head } from './head.ts'
import type { TagLimits } from './limits.ts'
import { isContent, Namespaces, NO_SCOPE, type StreamScope } from './namespaces.ts'
import { NS } from './ns.ts'
import { refuse } from './refusal.ts'
import { skipSpace, Tag } from './tag.ts'
import { TagFinder } from './tag-finder.ts'
import { afterSectionStart } from './text.ts'
import type { Attribute } from './top-element.ts'
import { word } from './vocabulary.ts'

/** The peer has opened its stream: RFC 6120 §4.7. Attributes that it did not send are `undefined`. */
export interface StreamOpen extends StreamScope {
  readonly kind: 'open'
  readonly to: string | undefined
  readonly from: string | undefined
  readonly id: string | undefined
  readonly version: string | undefined
  /** `xml:lang` */
  readonly lang: string | undefined
  /** All attributes but declarations of namespaces, in order. */
  readonly attributes: readonly Attribute[]
  /** The name as written, prefix included: the end tag repeats it. */
  readonly tagName: string
  /** The stream was opened and closed by one tag. */
  readonly empty: boolean
}

/** U+FEFF in UTF-8, as latin1. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf'
const DECLARATION_START = '<?xml'
const DECLARATION_END = '?>'
/** XML 1.0 §2.8 (XMLDecl). */
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])([A-Za-z][\w.-]*)\3)?([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(yes|no)\6)?[ \t\r\n]*\?>$/

/**
 * Reads the tag that opens a stream, with the XML declaration before it, or the one that closes it: one object for each of them.
 * Like the scanner it goes on where it stopped, and returns -1 when bytes are missing.
 */
export class StreamTags {
  /** The stream, once it is open. */
  opened: StreamOpen | undefined
  private readonly tag: Tag
  private readonly content: string | null
  private readonly namespaces = new Namespaces()
  private readonly finder = new TagFinder()
  private declared = false
  /** The tag has begun and is not whole. */
  private waiting = false
  /** How much of an XML declaration has been searched for its end. */
  private searched = 0

  /** @param content the only content namespace that is accepted; any of them when null */
  constructor(limits: TagLimits, content: string | null) {
    this.tag = new Tag(limits)
    this.content = content
  }

  /** Index after the XML declaration or the stream header whose '<' is at `base`; only the latter sets `opened`. */
  open(b: Buffer, base: number, end: number): number {
    if (b[base] !== LESS) return notMarkup(b, base, end)
    if (base + 1 >= end) return -1
    if (b[base + 1] === QUESTION) return this.declaration(b, base, end)
    if (b[base + 1] === EXCLAMATION) return afterSectionStart(b, base, end) < 0 ? -1 : refuse('markup')
    if (!this.whole(b, base, end)) return -1
    const after = this.tag.parse(b, base + 1, end)
    if (after < 0) return refuse('tag')
    if (!isUtf8(b.subarray(base, after))) refuse('utf8')
    this.opened = this.header(b)
    return after
  }

  /** Index after the end tag whose '</' is at `base`, of a stream that was opened with this name. */
  close(b: Buffer, base: number, end: number, name: string): number {
    if (!this.whole(b, base, end)) return -1
    let i = base + 2
    if (!startsLike(b, i, end, name)) refuse('end-tag')
    i = skipSpace(b, i + name.length, end)
    if (i >= end || b[i] !== GREATER) refuse('end-tag')
    return i + 1
  }

  /** The limit is reached and the tag not complete. */
  overrun(b: Buffer, base: number, end: number): never {
    if (this.waiting) this.tag.parse(b, base + 1, end)
    refuse('stanza-bytes')
  }

  private whole(b: Buffer, base: number, end: number): boolean {
    if (!this.waiting) this.finder.start(1)
    this.waiting = true
    return this.finder.find(b, base, end)
  }

  private declaration(b: Buffer, base: number, end: number): number {
    if (!startsLike(b, base, end, DECLARATION_START) || this.declared) refuse('processing-instruction')
    const nameEnd = base + DECLARATION_START.length
    if (nameEnd >= end) return -1
    if (!isSpace(b[nameEnd]!)) refuse('processing-instruction')
    const stop = b.subarray(0, end).indexOf(DECLARATION_END, base + this.searched)
    this.searched = Math.max(0, end - base - 1)
    if (stop < 0) return -1
    const after = stop + DECLARATION_END.length
    checkDeclaration(b.latin1Slice(base, after))
    this.declared = true
    return after
  }

  private header(b: Buffer): StreamOpen {
    const { tag, namespaces } = this
    namespaces.reset(NO_SCOPE)
    namespaces.enter(b, tag, 1)
    const head = decodeHead(b, tag, namespaces)
    const scope = namespaces.contentScope()
    this.check(head, scope, tag.colon < 0 ? '' : b.latin1Slice(tag.name, tag.colon))
    const value = (name: string) => head.attributes.find(attribute => attribute.name === name)?.value
    return {
      kind: 'open',
      to: value('to'),
      from: value('from'),
      id: value('id'),
      version: value('version'),
      lang: head.lang,
      attributes: head.attributes,
      defaultNamespace: scope.defaultNamespace,
      prefixes: scope.prefixes,
      tagName: word(b, tag.name, tag.nameEnd),
      empty: tag.empty,
    }
  }

  private check(head: Head, scope: StreamScope, prefix: string): void {
    if (head.ns !== NS.stream) {
      // RFC 6120 §4.9.3.2: "no namespace prefix on an element that needs such a prefix"
      const missing = head.name === 'stream' && prefix === '' && scope.prefixes.get('stream') === NS.stream
      refuse(missing ? 'header-prefix' : 'header-namespace')
    }
    if (head.name !== 'stream') refuse('header-name')
    // RFC 6120 §4.8.5: no other prefix needs to be accepted.
    if (prefix !== '' && prefix !== 'stream') refuse('header-prefix')
    const content = scope.defaultNamespace
    // RFC 6120 §4.8.2: a peer may also name the content namespace on each stanza instead of here.
    if (content === '' || content === NS.stream) return
    // RFC 6120 §4.9.3.10: the content namespace declared as the default namespace is not supported.
    if (this.content === null ? !isContent(content) : content !== this.content) refuse('header-content')
  }
}

function notMarkup(b: Buffer, base: number, end: number): -1 {
  if (!startsLike(b, base, end, BYTE_ORDER_MARK)) refuse('markup')
  if (base + BYTE_ORDER_MARK.length <= end) refuse('byte-order-mark')
  return -1
}

/** Index after the XML declaration that whole bytes begin with. Throws `StreamError` if that is none, or says what it may not. */
export function declarationEnd(b: Buffer): number {
  const stop = b.indexOf(DECLARATION_END)
  if (!startsLike(b, 0, b.length, DECLARATION_START) || stop < 0) refuse('processing-instruction')
  const after = stop + DECLARATION_END.length
  checkDeclaration(b.latin1Slice(0, after))
  return after
}

function checkDeclaration(text: string): void {
  const match = DECLARATION.exec(text)
  if (match === null) refuse('header-declaration')
  const encoding = match[4]
  // RFC 6120 §11.6: all data is UTF-8.
  if (encoding !== undefined && encoding.toUpperCase() !== 'UTF-8') refuse('header-encoding')
}
