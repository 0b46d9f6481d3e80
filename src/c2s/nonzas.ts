/** Nonzas: elements of a running stream that are no stanzas. */
import type { TopElement } from '../xml/reader.ts'
import { stateOf } from './client-state.ts'
import { type Managed, Management } from './management.ts'
import { enabled, failed, isManagement } from './management-elements.ts'
import type { Outflow } from './outflow.ts'
import { newId } from './resumption.ts'
import type { SessionParts } from './session-parts.ts'

/**
 * Takes a nonza of a session's client: whether that is active (XEP-0352), or what manages the stream (XEP-0198). False for what nobody
 * understands. Throws the StreamError to close the stream with.
 */
export function takeNonza(top: TopElement, session: Managed, out: Outflow, parts: SessionParts): boolean {
  const state = stateOf(top)
  if (isManagement(top)) manage(top, session, out, parts)
  // XEP-0352 §5.1: in its turn, so what it brings comes before the answers to what the client sends next.
  else if (state === 'active') out.activate()
  else if (state === 'inactive') out.deactivate()
  else return false
  return true
}

/** XEP-0198 */
function manage(top: TopElement, session: Managed, out: Outflow, parts: SessionParts): void {
  const { limits } = parts.resumption
  if (out.management !== undefined) out.management.take(top)
  else if (top.name === 'enable') {
    const id = newId(top.attribute('resume'), limits)
    session.text(enabled(id, limits).toString())
    enable(id, session, out, parts)
  }
  // XEP-0198 §6: nothing has been enabled that could be asked for.
  else session.text(failed('unexpected-request').toString())
}

/** XEP-0198 §3: the stream of a session is managed from now on; with an `id` the session can be resumed. */
export function enable(
  id: string | undefined,
  session: Managed,
  out: Outflow,
  { resumption, clock }: SessionParts,
): void {
  out.management = new Management(session, resumption, clock, id)
  session.acknowledged([])
}
