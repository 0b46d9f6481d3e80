import { isUtf8 } from 'node:buffer'
import { EXCLAMATION, GREATER, LESS, QUESTION, SLASH } from './bytes.ts'
import { decodeHead, type Head } from './head.ts'
import type { ReaderLimits } from './limits.ts'
import { canonical, Namespaces, type StreamScope } from './namespaces.ts'
import { NS } from './ns.ts'
import { refuse } from './refusal.ts'
import { rewriteContent } from './rewrite.ts'
import { nameText } from './slices.ts'
import { skipSpace, Tag } from './tag.ts'
import { TagFinder } from './tag-finder.ts'
import { afterSectionStart, SECTION_END_BYTES, sectionEnd, textEnd } from './text.ts'
import { type Child, TopElement } from './top-element.ts'

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Reads one top-level element from bytes that may arrive in any pieces. It goes on where it stopped: each byte is looked at a
 * bounded number of times, whatever the pieces. All positions that are kept are relative to the element's '<', because the bytes
 * may move between two calls.
 */
export class Scanner {
  private readonly tag: Tag
  private readonly finder = new TagFinder()
  private readonly namespaces = new Namespaces()
  /** Start and end of the names of all open elements, two numbers for each depth. */
  private readonly names: number[] = []
  private limits: ReaderLimits
  private lang: string | undefined
  private head: Head | undefined
  private children: Child[] = []
  private depth = 0
  private elements = 0
  /** Where to go on. */
  private at = 0
  /** The tag at `at` is not whole. */
  private waiting = false
  private inSection = false
  private contentStart = 0
  private contentEnd = 0

  constructor(limits: ReaderLimits) {
    this.limits = limits
    this.tag = new Tag(limits)
  }

  /** Makes ready for a new element, inside a stream that declared `scope` and `lang` (its `xml:lang`). Nothing of an earlier element is left. */
  begin(limits: ReaderLimits, scope: StreamScope, lang: string | undefined): void {
    this.limits = limits
    this.tag.limits = limits
    this.lang = lang
    this.head = undefined
    this.children = []
    this.depth = 0
    this.elements = 0
    this.at = 0
    this.waiting = false
    this.inSection = false
    this.namespaces.reset(scope)
  }

  /**
   * Reads on. `base` is the index of the element's '<', `end` that after the last byte that is there and allowed to be looked at.
   * Returns the index after the element, or -1 when bytes are missing. Throws `StreamError`.
   */
  run(b: Buffer, base: number, end: number): number {
    if (this.waiting && !this.finder.find(b, base, end)) return -1
    this.waiting = false
    let i = base + this.at
    for (;;) {
      if (this.inSection) {
        i = sectionEnd(b, i, end)
        if (i + SECTION_END_BYTES > end) return this.pause(i - base)
        this.inSection = false
        i += SECTION_END_BYTES
      }
      i = textEnd(b, i, end)
      if (i >= end || b[i] !== LESS) return this.pause(i - base)
      const next = this.markup(b, base, i, end)
      if (next < 0) return this.wait(b, base, i, end)
      if (this.depth === 0) return next
      i = next
    }
  }

  /** The limit is reached and the element not complete. Throws what is wrong with it: something else, or its size. */
  overrun(b: Buffer, base: number, end: number): never {
    if (this.waiting) this.markup(b, base, base + this.at, end)
    refuse('stanza-bytes')
  }

  /** The element, once `run` has reached its end at `after`. `valid`: the bytes are known to be UTF-8. */
  finish(b: Buffer, base: number, after: number, valid: boolean): TopElement {
    const { contentStart, contentEnd, namespaces } = this
    const { name, ns: original, lang = this.lang, attributes } = this.head!
    if (!valid && !isUtf8(b.subarray(base, after))) refuse('utf8')
    const content = contentEnd > contentStart ? b.subarray(base + contentStart, base + contentEnd) : EMPTY
    const ns = canonical(original)
    if (!namespaces.rewrite) return new TopElement(name, ns, lang, attributes, content, this.children)
    const rewritten = rewriteContent(content, namespaces.contentScope(), ns, this.limits.stanzaBytes)
    const children = this.children.map((child, k) => ({ ...child, ...rewritten.places[k]! }))
    return new TopElement(name, ns, lang, attributes, rewritten.content, children)
  }

  /** Namespace of the element as the stream has it, known once its start tag is there. */
  get ns(): string | undefined {
    return this.head?.ns
  }

  private pause(at: number): -1 {
    this.at = at
    return -1
  }

  /** Leaves a tag that is not whole to the finder. Other markup is short, and simply looked at again. */
  private wait(b: Buffer, base: number, at: number, end: number): -1 {
    if (at + 1 < end && b[at + 1] !== EXCLAMATION) {
      this.waiting = true
      this.finder.start(at + 1 - base)
      this.finder.find(b, base, end)
    }
    return this.pause(at - base)
  }

  private markup(b: Buffer, base: number, at: number, end: number): number {
    if (at + 1 >= end) return -1
    const byte = b[at + 1]!
    if (byte === SLASH) return this.closeTag(b, base, at, end)
    if (byte === EXCLAMATION) return this.openSection(b, at, end)
    if (byte === QUESTION) refuse('processing-instruction')
    return this.openTag(b, base, at, end)
  }

  private openSection(b: Buffer, at: number, end: number): number {
    const after = afterSectionStart(b, at, end)
    if (after > 0 && this.depth === 0) refuse('text-between')
    this.inSection = after > 0
    return after
  }

  private openTag(b: Buffer, base: number, at: number, end: number): number {
    const { tag, limits, namespaces } = this
    const after = tag.parse(b, at + 1, end)
    if (after < 0) return -1
    const depth = ++this.depth
    if (depth > limits.depth) refuse('depth')
    if (++this.elements > limits.children) refuse('children')
    namespaces.enter(b, tag, depth)
    this.names[2 * depth] = tag.name - base
    this.names[2 * depth + 1] = tag.nameEnd - base
    if (depth === 1) {
      this.head = decodeHead(b, tag, namespaces)
      // It would never end.
      if (this.head.name === 'stream' && this.head.ns === NS.stream) refuse('stream-nested')
      this.contentStart = after - base
    } else if (depth === 2) {
      const name = nameText(b, tag.colon < 0 ? tag.name : tag.colon + 1, tag.nameEnd)
      this.children.push({
        name,
        ns: canonical(namespaces.element),
        start: at - base - this.contentStart,
        end: 0,
      })
    }
    if (tag.empty) this.leave(after - base, after - base)
    return after
  }

  private closeTag(b: Buffer, base: number, at: number, end: number): number {
    const nameEnd = base + this.names[2 * this.depth + 1]!
    let i = at + 2
    for (let k = base + this.names[2 * this.depth]!; k < nameEnd; k++, i++) {
      if (i >= end) return -1
      if (b[i] !== b[k]) refuse('end-tag')
    }
    i = skipSpace(b, i, end)
    if (i >= end) return -1
    if (b[i] !== GREATER) refuse('end-tag')
    this.leave(at - base, i + 1 - base)
    return i + 1
  }

  /** @param contentEnd where the content of the element ends, @param after where its end tag ends */
  private leave(contentEnd: number, after: number): void {
    const depth = this.depth--
    if (depth === 1) this.contentEnd = contentEnd
    else this.namespaces.leave(depth)
    if (depth === 2)
      (this.children[this.children.length - 1] as { end: number }).end = after - this.contentStart
  }
}
