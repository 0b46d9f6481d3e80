import type { Stanza } from '../xml/stanza.ts'

/** RFC 6121 §4: presence that tells how somebody is, and asks for nothing: the next of the same sender takes its place. */
export function isNotification({ kind, type }: Stanza): boolean {
  return kind === 'presence' && (type === undefined || type === 'unavailable')
}
