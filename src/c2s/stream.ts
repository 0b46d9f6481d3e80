import type { Log } from '../core/log.ts'
import type { Element } from '../xml/element.ts'
import type { ReaderLimits, Scanners, StreamOpen, StreamReader, TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import { type Connection, Ended, type Receiver } from './connection.ts'
import type { PrintedFeatures } from './printed-features.ts'
import type { Wire } from './wire.ts'

/** What all streams of a server share. */
export interface StreamParts {
  /** Until somebody has signed in. */
  readonly limits: Readonly<ReaderLimits>
  readonly scanners: Scanners
  /** The host our header names, if the client's is none of ours. */
  readonly defaultHost: string
  /** Others when the limits of the server have changed, which they tell. */
  readonly features: PrintedFeatures
}

/** A stream while it is negotiated: what the client sends is asked for one by one, and nothing is read ahead. */
export class Stream implements Receiver {
  readonly connection: Connection
  readonly wire: Wire
  readonly reader: StreamReader
  readonly #defaultHost: string
  readonly #features: PrintedFeatures
  #headerSent = false
  #over = false
  #wake: (() => void) | undefined

  /** Takes over the reading of a connection. */
  constructor(connection: Connection, wire: Wire, { limits, scanners, defaultHost, features }: StreamParts) {
    this.connection = connection
    this.wire = wire
    this.reader = wire.reader(limits, scanners)
    this.#defaultHost = defaultHost
    this.#features = features
    connection.receiver = this
  }

  /** The client's stream header. Rejects with the StreamError to close the stream with, or with Ended. */
  async header(): Promise<StreamOpen> {
    const item = await this.#next()
    if (item.kind !== 'open') throw new Error('the reader is not at a header')
    return item
  }

  /** The client's next element. Rejects with the StreamError to close the stream with, or with Ended. */
  async element(): Promise<TopElement> {
    const item = await this.#next()
    if (item.kind !== 'element') throw new Error('the reader is at a header')
    return item
  }

  /** Sends our stream header (RFC 6120 §4.7): `from` a host that is served here, undefined if the client wants another. */
  sendHeader(from: string | undefined, to: string | undefined): void {
    this.#headerSent = true
    this.connection.send(this.wire.header(from ?? this.#defaultHost, to))
  }

  send(element: Element): void {
    this.connection.send(this.wire.element(element))
  }

  /** Stream features, to be sent. They are made once for all streams: `key` says what they depend on besides the limits of the server. */
  features(key: string, make: () => Element): Buffer {
    return this.#features.of(this.wire, key, make)
  }

  /** Sends such features. */
  sendFeatures(key: string, make: () => Element): void {
    this.connection.send(this.features(key, make))
  }

  /** RFC 6120 §4.3.3: the client begins anew, without closing. */
  restart(): void {
    this.#headerSent = false
    this.reader.restart()
  }

  /** Ends the stream with whatever was thrown. What is no fault of the client is logged. */
  fail(error: unknown, log: Log): void {
    if (error instanceof Ended) return
    if (!(error instanceof StreamError))
      log.error({ code: 'TIDINGS_NEGOTIATION_FAILED', err: error }, 'a stream could not be negotiated')
    this.close(error instanceof StreamError ? error : new StreamError('internal-server-error'))
  }

  /** Closes the stream: RFC 6120 §4.4, §4.9. */
  close(error?: StreamError): void {
    if (this.#over) return
    this.#over = true
    // RFC 6120 §4.9.1.2: an error before the response header goes after it all the same.
    if (!this.#headerSent) this.connection.send(this.wire.header(this.#defaultHost, undefined))
    this.connection.finish(this.wire.end(error), error)
    this.#wake?.()
  }

  received(chunk: Buffer): void {
    this.reader.push(chunk)
    if (this.#wake === undefined) this.connection.pause()
    else this.#wake()
  }

  ended(): void {
    this.#wake?.()
  }

  gone(): void {
    this.#over = true
    this.#wake?.()
  }

  async #next(): Promise<StreamOpen | TopElement> {
    while (!this.#over) {
      const item = this.reader.next()
      if (item?.kind === 'close') break
      if (item !== undefined) return item
      if (this.connection.inputEnded) break
      await this.#more()
    }
    this.close()
    throw new Ended()
  }

  #more(): Promise<void> {
    this.connection.resume()
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}
