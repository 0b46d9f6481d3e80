/**
 * A document that may be larger than memory, read as a stream of bytes by the rules of our strict reader: containers are opened and closed,
 * what is in them comes as whole elements. Comments between them are skipped; a document type, and with it entities, is refused.
 */
import { isUtf8 } from 'node:buffer'
import { EXCLAMATION, LESS, QUESTION, SLASH } from './bytes.ts'
import { decodeHead } from './head.ts'
import type { ReaderLimits } from './limits.ts'
import { Namespaces, NO_SCOPE, type StreamScope } from './namespaces.ts'
import { refuse } from './refusal.ts'
import { Scanner } from './scanner.ts'
import { declarationEnd } from './stream-tags.ts'
import { skipSpace, Tag } from './tag.ts'
import { TagFinder } from './tag-finder.ts'
import type { Attribute, TopElement } from './top-element.ts'

/** A piece of a document. */
export type DocumentItem =
  | {
      readonly kind: 'open'
      readonly name: string
      readonly ns: string
      readonly attributes: readonly Attribute[]
    }
  | { readonly kind: 'close' }
  | TopElement

/** Whether an element is a container, as its name, its namespace and the number of containers around it say. */
export type IsContainer = (name: string, ns: string, level: number) => boolean

/** A container that is open. */
interface Open {
  /** As written, prefix included. */
  readonly name: string
  readonly scope: StreamScope
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
/** `<!--`: as much as has to be there to tell one markup from another. */
const LOOK_BYTES = 4

/** Reads one document. */
export class DocumentReader {
  readonly #limits: ReaderLimits
  readonly #isContainer: IsContainer
  readonly #open: Open[] = []
  readonly #tag: Tag
  readonly #namespaces = new Namespaces()
  readonly #finder = new TagFinder()
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #begun = false
  #done = false
  /** The container that is open now was opened and closed by one tag. */
  #empty = false
  /** The tag at the start is looked for. */
  #finding = false
  #scanner: Scanner | undefined

  constructor(limits: ReaderLimits, isContainer: IsContainer) {
    this.#limits = limits
    this.#isContainer = isContainer
    this.#tag = new Tag(limits)
  }

  /** Whether the root has been closed. */
  get done(): boolean {
    return this.#done
  }

  /** Hands over more bytes. */
  push(chunk: Buffer): void {
    const rest = this.#bytes.subarray(this.#start)
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    this.#start = 0
  }

  /** The next piece; undefined where more bytes are needed. Throws `StreamError` on what is no such document. */
  next(): DocumentItem | undefined {
    if (this.#empty) return this.#close()
    const b = this.#bytes
    for (;;) {
      if (this.#scanner !== undefined) return this.#scan(this.#scanner)
      this.#start = skipSpace(b, this.#start, b.length)
      if (b.length - this.#start < LOOK_BYTES) return this.#start < b.length ? this.#closed() : undefined
      if (!this.#begun && this.#skipped(BYTE_ORDER_MARK.length, BYTE_ORDER_MARK)) continue
      if (b[this.#start] !== LESS) refuse('text-between')
      const second = b[this.#start + 1]
      if (second === QUESTION || second === EXCLAMATION) {
        if (!this.#skipMarkup(second)) return undefined
      } else if (this.#done) refuse('text-between')
      else return second === SLASH ? this.#closed() : this.#opened()
    }
  }

  #skipped(length: number, wanted: Buffer): boolean {
    const found = this.#bytes.subarray(this.#start, this.#start + length).equals(wanted)
    if (found) this.#start += length
    return found
  }

  /** Skips the declaration, or a comment; whether it is whole. */
  #skipMarkup(second: number): boolean {
    const b = this.#bytes
    const isComment = second === EXCLAMATION
    if (isComment && b.latin1Slice(this.#start, this.#start + LOOK_BYTES) !== '<!--') refuse('markup')
    const end = b.indexOf(isComment ? '-->' : '?>', this.#start + LOOK_BYTES)
    if (end < 0) return this.#more()
    if (!isComment) {
      if (this.#begun) refuse('processing-instruction')
      this.#start += declarationEnd(b.subarray(this.#start))
    } else this.#start = end + 3
    this.#begun = true
    return true
  }

  #more(): false {
    if (this.#bytes.length - this.#start >= this.#limits.stanzaBytes) refuse('stanza-bytes')
    return false
  }

  /** The end tag of the container that is open. */
  #closed(): DocumentItem | undefined {
    const b = this.#bytes
    if (b[this.#start] !== LESS) refuse('text-between')
    const end = b.indexOf('>', this.#start)
    if (end < 0) return this.#more() || undefined
    const text = b.utf8Slice(this.#start + 2, end).trimEnd()
    if (b[this.#start + 1] !== SLASH || text !== this.#open.at(-1)?.name) refuse('end-tag')
    this.#start = end + 1
    return this.#close()
  }

  #close(): DocumentItem {
    this.#empty = false
    this.#open.pop()
    this.#done = this.#open.length === 0
    return { kind: 'close' }
  }

  #opened(): DocumentItem | undefined {
    const b = this.#bytes
    if (!this.#finding) this.#finder.start(1)
    this.#finding = true
    if (!this.#finder.find(b, this.#start, b.length)) return this.#more() || undefined
    this.#finding = false
    const after = this.#tag.parse(b, this.#start + 1, b.length)
    if (after < 0) refuse('tag')
    if (!isUtf8(b.subarray(this.#start, after))) refuse('utf8')
    this.#begun = true
    const scope = this.#open.at(-1)?.scope ?? NO_SCOPE
    this.#namespaces.reset(scope)
    this.#namespaces.enter(b, this.#tag, 1)
    const { name, ns, attributes } = decodeHead(b, this.#tag, this.#namespaces)
    if (!this.#isContainer(name, ns, this.#open.length)) {
      this.#scanner = new Scanner(this.#limits)
      this.#scanner.begin(this.#limits, scope, undefined)
      return this.#scan(this.#scanner)
    }
    const written = b.utf8Slice(this.#tag.name, this.#tag.nameEnd)
    this.#open.push({ name: written, scope: this.#namespaces.contentScope() })
    this.#empty = this.#tag.empty
    this.#start = after
    return { kind: 'open', name, ns, attributes }
  }

  #scan(scanner: Scanner): TopElement | undefined {
    const end = Math.min(this.#bytes.length, this.#start + this.#limits.stanzaBytes)
    const after = scanner.run(this.#bytes, this.#start, end)
    if (after < 0) {
      if (end < this.#bytes.length) scanner.overrun(this.#bytes, this.#start, end)
      return this.#more() || undefined
    }
    const element = scanner.finish(this.#bytes, this.#start, after, false)
    this.#scanner = undefined
    this.#start = after
    this.#done = this.#open.length === 0
    return element
  }
}
