import { escapeValue } from './escape.ts'
import { canonical, Namespaces, type StreamScope } from './namespaces.ts'
import { refuse } from './refusal.ts'
import { nameText } from './slices.ts'
import { DECLARES_DEFAULT, PREFIXED, type Tag } from './tag.ts'
import { type Visitor, walk } from './walk.ts'

/**
 * Writes content anew so that it means the same below any element whose default namespace is `ns`: each child declares what it
 * uses, and no content namespace is named where it is inherited.
 * @param scope what is in scope for the content: of the stream and of the top-level element's start tag
 * @param ns namespace of the top-level element, canonical
 * @param limit bytes of the result: a long namespace, declared once, could be needed by thousands of children
 */
export function rewriteContent(content: Buffer, scope: StreamScope, ns: string, limit: number): Rewritten {
  const rewriter = new Rewriter(content, scope, ns, limit)
  walk(content, rewriter)
  return { content: Buffer.concat(rewriter.parts), places: rewriter.places }
}

interface Rewritten {
  content: Buffer
  /** Where the children of the top-level element lie now, in order. */
  places: Place[]
}

interface Place {
  start: number
  end: number
}

class Rewriter implements Visitor {
  readonly parts: Buffer[] = []
  readonly places: Place[] = []
  private readonly content: Buffer
  private readonly limit: number
  /** What the bytes mean where they came from. Depth 1 is the top-level element, as in the reader. */
  private readonly meant = new Namespaces()
  /** The default namespace in what is written, by depth. */
  private readonly defaults: string[]
  /** Prefixes from outside that were declared in what is written. */
  private readonly declared: { prefix: string; depth: number }[] = []
  private depth = 1
  private size = 0

  constructor(content: Buffer, scope: StreamScope, ns: string, limit: number) {
    this.content = content
    this.limit = limit
    this.meant.reset(scope)
    this.defaults = ['', ns]
  }

  open(tag: Tag): void {
    const depth = ++this.depth
    this.meant.enter(this.content, tag, depth)
    this.defaults[depth] = this.defaults[depth - 1]!
    if (depth === 2) this.places.push({ start: this.size, end: 0 })
    let declarations = ''
    if (tag.colon < 0) declarations += this.declareDefault(canonical(this.meant.element))
    else declarations += this.declarePrefix(tag.name, tag.colon)
    for (let k = 0; k < tag.count; k++) {
      const span = tag.spans[k]!
      if ((span.flags & PREFIXED) !== 0) declarations += this.declarePrefix(span.name, span.colon)
    }
    this.copy(tag.name - 1, tag.nameEnd)
    if (declarations !== '') this.write(Buffer.from(declarations))
    this.copyAttributes(tag)
    this.write(tag.empty ? EMPTY_END : TAG_END)
    if (tag.empty) this.leave()
  }

  close(start: number, end: number): void {
    this.copy(start, end)
    this.leave()
  }

  text(start: number, end: number): void {
    this.copy(start, end)
  }

  section(start: number, end: number): void {
    this.copy(start - SECTION_START, end + SECTION_END)
  }

  private declareDefault(namespace: string): string {
    if (this.defaults[this.depth] === namespace) return ''
    this.defaults[this.depth] = namespace
    return ` xmlns="${escapeValue(namespace)}"`
  }

  private declarePrefix(start: number, end: number): string {
    const prefix = nameText(this.content, start, end)
    if (!this.meant.isOuter(prefix) || this.declared.some(known => known.prefix === prefix)) return ''
    this.declared.push({ prefix, depth: this.depth })
    return ` xmlns:${prefix}="${escapeValue(this.meant.lookup(prefix, this.depth))}"`
  }

  /** All but `xmlns=`, which is written where what is written needs it. */
  private copyAttributes(tag: Tag): void {
    for (let k = 0; k < tag.count; k++) {
      const span = tag.spans[k]!
      if ((span.flags & DECLARES_DEFAULT) !== 0) continue
      this.write(GAP)
      this.copy(span.name, span.valueEnd + 1)
    }
  }

  private leave(): void {
    const depth = this.depth--
    if (depth === 2) this.places[this.places.length - 1]!.end = this.size
    this.meant.leave(depth)
    while (this.declared.length > 0 && this.declared[this.declared.length - 1]!.depth === depth)
      this.declared.pop()
  }

  private copy(start: number, end: number): void {
    this.write(this.content.subarray(start, end))
  }

  private write(bytes: Buffer): void {
    this.size += bytes.length
    if (this.size > this.limit) refuse('stanza-bytes')
    this.parts.push(bytes)
  }
}

const GAP: Buffer = Buffer.from(' ')
const TAG_END: Buffer = Buffer.from('>')
const EMPTY_END: Buffer = Buffer.from('/>')
/** Length of `<![CDATA[`. */
const SECTION_START = 9
/** Length of `]]>`. */
const SECTION_END = 3
