/** XEP-0198: what a client and its session say to each other to manage their stream. */

import { type Element, xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'
import type { TopElement } from '../xml/reader.ts'
import { StreamError } from '../xml/stream-error.ts'
import type { ManagementLimits } from './resumption.ts'

const NAMES: ReadonlySet<string> = new Set(['enable', 'resume', 'a', 'r'])

/** Whether stream management knows such an element from a client. */
export function isManagement(top: TopElement): boolean {
  return top.ns === NS.streamManagement && NAMES.has(top.name)
}

/** XEP-0198 §4 */
export const REQUEST = `<r xmlns='${NS.streamManagement}'/>`

/** XEP-0198 §4: `h` stanzas have been handled. */
export function acknowledgement(h: number): string {
  return `<a xmlns='${NS.streamManagement}' h='${h}'/>`
}

/** XEP-0198 §3, §5: with an `id` the session can be resumed, for how long and where the limits say. */
export function enabled(
  id: string | undefined,
  { resumeSeconds, location }: Pick<ManagementLimits, 'resumeSeconds' | 'location'>,
): Element {
  const resumable = id === undefined ? {} : { id, location, resume: 'true', max: String(resumeSeconds) }
  return xml('enabled', { xmlns: NS.streamManagement, ...resumable })
}

/** XEP-0198 §5 */
export function resumed(previous: string, h: number): Element {
  return xml('resumed', { xmlns: NS.streamManagement, previd: previous, h: String(h) })
}

/** XEP-0198 §6. `h` tells of a session that has ended how far it had come (§5). */
export function failed(condition: 'unexpected-request' | 'item-not-found', h?: number): Element {
  return xml(
    'failed',
    { xmlns: NS.streamManagement, ...(h !== undefined && { h: String(h) }) },
    xml(condition, { xmlns: NS.stanzaErrors }),
  )
}

/** XEP-0198 §13: `h` is an unsigned integer of 32 bits. Throws the StreamError for anything else, which names the element. */
export function countOf(name: string, h = ''): number {
  const count = /^\d{1,10}$/.test(h) ? Number(h) : Number.NaN
  if (count < 2 ** 32) return count
  throw new StreamError('policy-violation', `<${name}/> needs a count of stanzas in h`)
}
