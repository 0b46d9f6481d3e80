/** Streams in the bodies of HTTP requests and answers: XEP-0206 §2. */
import type { Element } from '../../xml/element.ts'
import { FrameReader } from '../../xml/frame-reader.ts'
import type { StreamScope } from '../../xml/namespaces.ts'
import { NS } from '../../xml/ns.ts'
import { standalone, streamError } from '../stream-text.ts'
import type { Wire } from '../wire.ts'
import { conditionOf } from './answer.ts'

const NOTHING = Buffer.alloc(0)
/** COMPAT many clients: XEP-0206 §2 notes that they put stanzas into the body without saying that they are of `jabber:client`. */
const SCOPE: StreamScope = { defaultNamespace: NS.client, prefixes: new Map() }

/**
 * Elements with their namespaces, one behind the other. How a stream begins and ends is said by attributes of the body around them;
 * what comes in is made into the frames of RFC 7395 by `frames()`.
 */
export const boshWire: Wire = {
  reader: (limits, scanners) => new FrameReader(limits, scanners, SCOPE),
  // XEP-0206 §3: no header of a stream is sent.
  header: () => NOTHING,
  element: element => bytes(element),
  stanza: (stanza, to) => to.send(stanza.encodeIn(NS.client)),
  text: element => Buffer.from(element),
  // XEP-0206 §2, §6: a copy of the stream error is the last that the body holds; other conditions of BOSH stand for themselves.
  end: error =>
    error !== undefined && conditionOf(error) === 'remote-stream-error' ? bytes(streamError(error)) : NOTHING,
}

function bytes(element: Element): Buffer {
  return Buffer.from(standalone(element).toString())
}
