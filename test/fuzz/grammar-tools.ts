/** Small things of the grammar fuzz. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Log, LogDetails } from '../../src/core/log.ts'
import type { XmlElement, XmlEvent } from '../support/dialogue/xml.ts'
import type { FuzzCase } from './grammar-elements.ts'

/** The elements among what came over a stream. */
export function elements(events: readonly XmlEvent[]): XmlElement[] {
  return events.flatMap(event => (event.kind === 'element' ? [event.element] : []))
}

/**
 * Those that have come of a case: the same kind of stanza, and its id. Others come of earlier ones: changes of a roster that was asked for,
 * what an inactive client is spared until its sender has sent more.
 */
export function comeOf(one: FuzzCase, events: readonly XmlEvent[]): XmlElement[] {
  return elements(events).filter(
    ({ name, attributes }) => name === one.name && idOf(attributes.get('id')) === idOf(one.attributes.id),
  )
}

/** Answers to none of the cases. */
export function answersToNobody(cases: readonly FuzzCase[], events: readonly XmlEvent[]): XmlElement[] {
  const asked = new Set(cases.map(one => idOf(one.attributes.id)))
  return elements(events).filter(
    ({ name, attributes }) =>
      name === 'iq' &&
      (attributes.get('type') === 'result' || attributes.get('type') === 'error') &&
      !asked.has(idOf(attributes.get('id'))),
  )
}

/** What has no id is answered with an empty one, which answers of type `iq` must have (RFC 6120 §8.1.3). */
function idOf(id = ''): string {
  return id
}

/** Counts one more. */
export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Bytes in use after a collection, which Node offers only on request. */
export function heap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

/** A log that keeps what should not happen. */
export function keeping(lines: string[]): Log {
  const keep = (details: LogDetails, text: string): void => {
    lines.push(`${details.code}: ${text}: ${details.err instanceof Error ? details.err.stack : ''}`)
  }
  const log: Log = { debug() {}, info() {}, warn: keep, error: keep, child: () => log }
  return log
}
