/** How a stream is put on a connection, and taken from it. */
import type { Element } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import { Reader, type ReaderLimits, type Scanners, type StreamReader } from '../xml/reader.ts'
import type { Output, Stanza } from '../xml/stanza.ts'
import type { StreamError } from '../xml/stream-error.ts'
import { STREAM_END, streamError, streamHeader } from './stream-text.ts'

/** The form of a stream: RFC 6120 §4 on a pipe of bytes, RFC 7395 §3.3 in WebSocket messages. It holds no state. */
export interface Wire {
  /** Takes what a connection receives; the scanners are those of the server. */
  reader(limits: Readonly<ReaderLimits>, scanners: Scanners): StreamReader
  /** Our stream header: RFC 6120 §4.7. */
  header(from: string, to: string | undefined): Buffer
  /** Anything else than a stanza. */
  element(element: Element): Buffer
  stanza(stanza: Stanza, to: Output): void
  /** An element that is written already, with the declaration of its namespace. */
  text(element: string): Buffer
  /** Closes our side of the stream (RFC 6120 §4.4), after an error (§4.9). */
  end(error?: StreamError): Buffer
}

/** RFC 6120: one XML document in each direction. */
export const tcpWire: Wire = {
  reader: (limits, scanners) => new Reader(limits, NS.client, scanners),
  header: (from, to) => Buffer.from(streamHeader(from, to)),
  element: element => Buffer.from(element.toString()),
  stanza: (stanza, to) => stanza.put(to),
  text: element => Buffer.from(element),
  end: error => Buffer.from((error === undefined ? '' : streamError(error).toString()) + STREAM_END),
}
