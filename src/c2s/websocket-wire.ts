/** Streams in WebSocket messages: RFC 7395 §3.3, RFC 6455 §5. */
import { xml } from '../xml/element.ts'
import { FrameReader } from '../xml/frame-reader.ts'
import { NS } from '../xml/ns.ts'
import { headerAttributes, standalone, streamError } from './stream-text.ts'
import type { Wire } from './wire.ts'

/** RFC 6455 §5.2: a final frame of text. */
const FINAL_TEXT = 0x81
/** Payloads of this length or more have it in two more bytes; of this one or more, in eight. */
const MEDIUM = 126
const LONG = 65_536
/** What the length byte says then. */
const LENGTH_16 = 126
const LENGTH_64 = 127

/** RFC 7395 §3.3.3: every element in a frame of its own, with its namespaces. */
export const webSocketWire: Wire = {
  reader: (limits, scanners) => new FrameReader(limits, scanners),
  // RFC 7395 §3.4
  header: (from, to) => frame(Buffer.from(`<open xmlns='${NS.framing}' ${headerAttributes(from, to)}/>`)),
  element: element => frame(Buffer.from(standalone(element).toString())),
  stanza: (stanza, to) => to.send(frame(stanza.encodeIn(NS.client))),
  text: element => frame(Buffer.from(element)),
  // RFC 7395 §3.5: an error is a frame of its own.
  end: error =>
    error === undefined ? CLOSE : Buffer.concat([webSocketWire.element(streamError(error)), CLOSE]),
}

/** RFC 7395 §3.6 */
const CLOSE = frame(Buffer.from(xml('close', { xmlns: NS.framing }).toString()))

/** RFC 6455 §5.2: a server's frame is not masked. */
function frame(payload: Buffer): Buffer {
  const { length } = payload
  const start = length < MEDIUM ? 2 : length < LONG ? 4 : 10
  const bytes = Buffer.allocUnsafe(start + length)
  bytes[0] = FINAL_TEXT
  if (start === 2) bytes[1] = length
  else if (start === 4) {
    bytes[1] = LENGTH_16
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = LENGTH_64
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    bytes.writeUInt32BE(length >>> 0, 6)
  }
  bytes.set(payload, start)
  return bytes
}
