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

/** Those that have the id of a case. */
export function byId(events: readonly XmlEvent[], one: FuzzCase): XmlElement[] {
  return elements(events).filter(element => element.attributes.get('id') === one.attributes.id)
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
