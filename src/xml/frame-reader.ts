import { isUtf8 } from 'node:buffer'
import { LESS, QUESTION } from './bytes.ts'
import type { ReaderLimits } from './limits.ts'
import { isContent, NO_SCOPE, type StreamScope } from './namespaces.ts'
import { NS } from './ns.ts'
import type { StreamClose, StreamReader } from './reader.ts'
import { refuse } from './refusal.ts'
import type { Scanner } from './scanner.ts'
import type { Scanners } from './scanners.ts'
import { declarationEnd, type StreamOpen } from './stream-tags.ts'
import { skipSpace } from './tag.ts'
import type { TopElement } from './top-element.ts'

/**
 * The strict reader of a framed stream (RFC 7395 §3.3): each message that is pushed holds one element, which declares all that it
 * uses. What is inside of it is held to the same rules as on a stream of bytes.
 */
export class FrameReader implements StreamReader {
  /** May be replaced at any time; holds for the next item. */
  limits: Readonly<ReaderLimits>
  private readonly scanners: Scanners
  private readonly scope: StreamScope
  private lang: string | undefined
  private readonly frames: Buffer[] = []
  private state: 'header' | 'open' | 'closed' = 'header'

  /**
   * @param scanners shared with the other readers of a server
   * @param scope what elements need not declare themselves
   */
  constructor(limits: Readonly<ReaderLimits>, scanners: Scanners, scope: StreamScope = NO_SCOPE) {
    this.limits = limits
    this.scanners = scanners
    this.scope = scope
  }

  /** Hands over a whole message, which must not change any more. */
  push(frame: Buffer): void {
    if (this.state !== 'closed') this.frames.push(frame)
  }

  /** The next item; `undefined` when there is no message, and for ever after a close. Throws `StreamError`, and then is closed. */
  next(): StreamOpen | TopElement | StreamClose | undefined {
    const frame = this.frames.shift()
    if (frame === undefined) return undefined
    try {
      const scanner = this.scanners.take(this.limits)
      const element = this.read(frame, scanner)
      const { ns } = scanner
      this.scanners.give(scanner)
      const header = element.name === 'open' || element.name === 'close'
      // RFC 7395 §3.3.2: the stream headers are in the framing namespace, or else the error is invalid-namespace.
      if (header && element.ns !== NS.framing) refuse('header-namespace')
      return this.state === 'header' ? this.open(element) : this.inside(element, ns!)
    } catch (error) {
      this.shut()
      throw error
    }
  }

  /** RFC 7395 §3.7: the next message is a new stream header. */
  restart(): void {
    this.state = 'header'
  }

  /** Drops all unread messages. Returns how many. */
  discard(): number {
    return this.frames.splice(0).length
  }

  private read(frame: Buffer, scanner: Scanner): TopElement {
    const { limits } = this
    if (frame.length > limits.stanzaBytes) refuse('stanza-bytes')
    // RFC 7395 §3.3.3: the first character is '<', perhaps of an XML declaration.
    if (frame[0] !== LESS) refuse('markup')
    const start = frame[1] === QUESTION ? skipSpace(frame, declarationEnd(frame), frame.length) : 0
    if (frame[start] !== LESS) refuse('markup')
    scanner.begin(limits, this.scope, this.state === 'header' ? undefined : this.lang)
    const after = scanner.run(frame, start, frame.length)
    if (after < 0) refuse('tag')
    if (skipSpace(frame, after, frame.length) !== frame.length) refuse('text-between')
    return scanner.finish(frame, start, after, isUtf8(frame))
  }

  private open(element: TopElement): StreamOpen {
    if (element.name !== 'open') refuse('frame-header')
    this.state = 'open'
    const { attributes, lang } = element
    // RFC 6120 §4.7.4: the language of the stream is that of all that names no other.
    this.lang = lang
    return {
      kind: 'open',
      to: element.attribute('to'),
      from: element.attribute('from'),
      id: element.attribute('id'),
      version: element.attribute('version'),
      lang,
      attributes,
      defaultNamespace: NO_SCOPE.defaultNamespace,
      prefixes: NO_SCOPE.prefixes,
      tagName: element.name,
      empty: false,
    }
  }

  /** @param ns the namespace as it was sent */
  private inside(element: TopElement, ns: string): TopElement | StreamClose {
    // RFC 6120 §4.8.3: stanzas of a client stream are not those of a server stream.
    if (isContent(ns) && ns !== NS.client) refuse('other-content')
    if (element.ns !== NS.framing) return element
    if (element.name !== 'close') refuse('stream-nested')
    return this.shut()
  }

  private shut(): StreamClose {
    this.state = 'closed'
    this.frames.length = 0
    return { kind: 'close' }
  }
}
