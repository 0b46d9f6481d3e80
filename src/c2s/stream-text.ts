/** What the server prints on a stream besides stanzas: RFC 6120 §4. */
import { randomUUID } from 'node:crypto'
import { type Element, xml } from '../xml/element.ts'
import { escapeValue } from '../xml/escape.ts'
import { NS } from '../xml/ns.ts'
import type { StreamError } from '../xml/stream-error.ts'

/** Closes the stream: RFC 6120 §4.4. */
export const STREAM_END = '</stream:stream>'

/** Our stream header (RFC 6120 §4.7): `from` is the host, `to` the address in the client's header if it gave one. */
export function streamHeader(from: string, to: string | undefined): string {
  const attributes = headerAttributes(from, to)
  return `<?xml version='1.0'?><stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' ${attributes}>`
}

/** The attributes of our stream header, whatever its element is. */
export function headerAttributes(from: string, to: string | undefined): string {
  const addressed = to === undefined ? '' : ` to='${escapeValue(to)}'`
  return (
    `from='${escapeValue(from)}'${addressed} ` +
    // RFC 6120 §4.7.4: the language of the texts that the server writes itself.
    // RFC 6120 §4.7.3: the id is unique and unpredictable. A UUID of version 4 is 122 random bits, and the cheapest way to get them.
    `id='${randomUUID()}' version='1.0' xml:lang='en'`
  )
}

/** RFC 6120 §4.9.2: the error that ends a stream. */
export function streamError(error: StreamError): Element {
  return xml(
    'stream:error',
    {},
    xml(error.condition, { xmlns: NS.streamErrors }, error.otherHost),
    error.text !== undefined && xml('text', { xmlns: NS.streamErrors, 'xml:lang': 'en' }, error.text),
    error.application,
  )
}

/** An element with the declaration that its stream would have made for it; nothing may hold it already. */
export function standalone(element: Element): Element {
  // RFC 7395 §3.3.3: there is no parent that would declare the prefix.
  if (element.name.startsWith('stream:')) element.attrs['xmlns:stream'] = NS.stream
  else element.attrs.xmlns ??= NS.client
  return element
}
