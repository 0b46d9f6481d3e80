import { isUtf8 } from 'node:buffer'
import { LESS, SLASH } from './bytes.ts'
import type { ReaderLimits } from './limits.ts'
import { isContent, NO_SCOPE, type StreamScope, sharedScope } from './namespaces.ts'
import { NS } from './ns.ts'
import { refuse } from './refusal.ts'
import type { Scanner } from './scanner.ts'
import { Scanners } from './scanners.ts'
import { type StreamOpen, StreamTags } from './stream-tags.ts'
import { skipSpace } from './tag.ts'
import type { TopElement } from './top-element.ts'

export { type ReaderLimits, TRUSTED_LIMITS } from './limits.ts'
export { Scanners } from './scanners.ts'
export type { StreamOpen } from './stream-tags.ts'
export type { Child, TopElement } from './top-element.ts'

/** The peer has closed its stream: RFC 6120 §4.4. Nothing follows it. */
export interface StreamClose {
  readonly kind: 'close'
}

/** What takes the bytes of a stream and gives its items: `Reader`, or another one for another framing. */
export type StreamReader = Pick<Reader, 'limits' | 'push' | 'next' | 'restart' | 'discard'>

/** Capacity of the first buffer for an item that arrives in pieces. */
const FIRST_CARRY_BYTES = 512
const NOTHING: Buffer = Buffer.alloc(0)

/**
 * The strict reader of a stream: bytes in, whole items out. It refuses whatever another parser could read differently
 * (RFC 6120 §11, XML 1.0, Namespaces in XML 1.0), within limits, at any split of the bytes. It is pulled: what nobody asks for
 * is not parsed. Between items it keeps what the stream header declared, and nothing else.
 */
export class Reader {
  /** May be replaced at any time; holds for the next item. */
  limits: Readonly<ReaderLimits>
  private readonly content: string | null
  private readonly scanners: Scanners
  /** Reads the tag that opens or closes the stream, while that is on its way. */
  private tags: StreamTags | undefined
  /** Reads an element, while that is on its way. */
  private scanner: Scanner | undefined
  /** `empty`: opened and closed by one tag. */
  private state: 'header' | 'open' | 'empty' | 'closed' = 'header'
  private scope: StreamScope = NO_SCOPE
  private lang: string | undefined
  /** The name in the tag that opened the stream. */
  private tagName = ''
  /** Unread bytes: `bytes[start, end)`. A partial item starts at `start`. */
  private bytes: Buffer = NOTHING
  private start = 0
  private end = 0
  /** `bytes` is our own copy, with room behind `end`. Nothing before `end` is ever overwritten: elements may share it. */
  private carried = false
  /** All chunks in `bytes` are UTF-8 each, which saves looking at each element: a chunk may still end within a character. */
  private valid = false

  /**
   * @param content the content namespace of the stream; `null`: any of them, and the header tells which
   * @param scanners shared with the other readers of a server
   */
  constructor(
    limits: Readonly<ReaderLimits>,
    content: string | null = NS.client,
    scanners: Scanners = new Scanners(),
  ) {
    this.limits = limits
    this.content = content
    this.scanners = scanners
  }

  /** Hands over received bytes, which must not change any more. They are copied only behind unread ones. */
  push(chunk: Buffer): void {
    if (this.state === 'closed') return
    if (this.start === this.end) {
      this.valid = isUtf8(chunk)
      this.bytes = chunk
      this.start = 0
      this.end = chunk.length
      this.carried = false
      return
    }
    if (!this.carried || this.end + chunk.length > this.bytes.length) this.grow(chunk.length)
    this.valid &&= isUtf8(chunk)
    chunk.copy(this.bytes, this.end)
    this.end += chunk.length
  }

  /** The next item; `undefined` when more bytes are needed, and for ever after a close. Throws `StreamError`, and then is closed. */
  next(): StreamOpen | TopElement | StreamClose | undefined {
    try {
      if (this.state === 'open') return this.nextInside()
      if (this.state === 'header') return this.nextHeader()
      return this.state === 'empty' ? this.shut() : undefined
    } catch (error) {
      this.shut()
      throw error
    }
  }

  /** RFC 6120 §4.3.3: the next item is a new stream header. Unread bytes stay. */
  restart(): void {
    this.state = 'header'
    this.forget()
  }

  /** Drops all unread bytes; what was sent before TLS is no part of what follows (RFC 6120 §5.4.3.3). Returns how many. */
  discard(): number {
    const dropped = this.end - this.start
    this.forget()
    this.release()
    return dropped
  }

  private nextHeader(): StreamOpen | undefined {
    for (;;) {
      // White space behind the last element of a stream that was restarted is also skipped here.
      if (!this.skipSpace()) return undefined
      this.tags ??= new StreamTags(this.limits, this.content)
      const visible = this.visibleEnd()
      const after = this.tags.open(this.bytes, this.start, visible)
      if (after < 0) {
        if (this.isFull(visible)) this.tags.overrun(this.bytes, this.start, visible)
        return undefined
      }
      this.consume(after)
      if (this.tags.opened !== undefined) return this.open(this.tags.opened)
    }
  }

  private open(opened: StreamOpen): StreamOpen {
    this.tags = undefined
    this.scope = sharedScope(opened)
    this.lang = opened.lang
    this.tagName = opened.tagName
    this.state = opened.empty ? 'empty' : 'open'
    return opened
  }

  private nextInside(): TopElement | StreamClose | undefined {
    if (this.scanner === undefined) {
      if (!this.skipSpace()) return undefined
      if (this.bytes[this.start] !== LESS) refuse('text-between')
      if (this.start + 1 === this.end) return undefined
      if (this.bytes[this.start + 1] === SLASH) return this.nextClose()
      this.scanner = this.scanners.take(this.limits)
      this.scanner.begin(this.limits, this.scope, this.lang)
    }
    const { scanner } = this
    const visible = this.visibleEnd()
    const after = scanner.run(this.bytes, this.start, visible)
    if (after < 0) {
      if (this.isFull(visible)) scanner.overrun(this.bytes, this.start, visible)
      return undefined
    }
    const element = scanner.finish(this.bytes, this.start, after, this.valid)
    this.checkContent(scanner.ns!)
    this.scanner = undefined
    this.scanners.give(scanner)
    this.consume(after)
    return element
  }

  private nextClose(): StreamClose | undefined {
    this.tags ??= new StreamTags(this.limits, this.content)
    const visible = this.visibleEnd()
    if (this.tags.close(this.bytes, this.start, visible, this.tagName) >= 0) return this.shut()
    if (this.isFull(visible)) refuse('stanza-bytes')
    return undefined
  }

  /** RFC 6120 §4.8.3: stanzas of a client stream are not those of a server stream. */
  private checkContent(ns: string): void {
    const content = this.content ?? this.scope.defaultNamespace
    if (isContent(ns) && isContent(content) && ns !== content) refuse('other-content')
  }

  /** False when nothing but white space is there, which is forgotten. */
  private skipSpace(): boolean {
    this.consume(skipSpace(this.bytes, this.start, this.end))
    return this.start < this.end
  }

  /** How far an item may be looked at: what lies beyond the limit changes nothing, so that the split of the bytes does not either. */
  private visibleEnd(): number {
    return Math.min(this.end, this.start + this.limits.stanzaBytes)
  }

  private isFull(visible: number): boolean {
    return visible - this.start >= this.limits.stanzaBytes
  }

  private consume(after: number): void {
    this.start = after
    if (after === this.end) this.release()
  }

  private grow(more: number): void {
    const unread = this.end - this.start
    const carry = Buffer.allocUnsafeSlow(Math.max(FIRST_CARRY_BYTES, 2 * (unread + more)))
    this.bytes.copy(carry, 0, this.start, this.end)
    this.bytes = carry
    this.start = 0
    this.end = unread
    this.carried = true
  }

  private release(): void {
    this.bytes = NOTHING
    this.start = 0
    this.end = 0
    this.carried = false
  }

  /** Gives up what is on its way. */
  private forget(): void {
    this.tags = undefined
    this.scanner = undefined
  }

  private shut(): StreamClose {
    this.state = 'closed'
    this.forget()
    this.release()
    return CLOSE
  }
}

const CLOSE: StreamClose = { kind: 'close' }

/** Of elements that stand alone: each is read at once, so one would do. */
const ALONE = new Scanners()

/** Reads one element that stands alone, such as a stored stanza or a WebSocket frame (RFC 7395 §3.3). Throws `StreamError`. */
export function readElement(bytes: Buffer, limits: ReaderLimits): TopElement {
  if (bytes.length > limits.stanzaBytes) refuse('stanza-bytes')
  if (bytes[0] !== LESS) refuse('markup')
  const scanner = ALONE.take(limits)
  scanner.begin(limits, NO_SCOPE, undefined)
  const after = scanner.run(bytes, 0, bytes.length)
  if (after < 0) refuse('tag')
  if (after !== bytes.length) refuse('text-between')
  const element = scanner.finish(bytes, 0, after, false)
  ALONE.give(scanner)
  return element
}
