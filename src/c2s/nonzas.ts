/** Nonzas: elements of a running stream that are no stanzas. */
import type { TopElement } from '../xml/reader.ts'
import { stateOf } from './client-state.ts'
import { type Managed, Management } from './management.ts'
import { enabled, failed, isManagement } from './management-elements.ts'
import type { Outflow } from './outflow.ts'
import { newId } from './resumption.ts'
import type { SessionParts } from './session-parts.ts'

/** Takes those of one session: whether its client is active (XEP-0352), and what manages its stream (XEP-0198). */
export class Nonzas {
  readonly #session: Managed
  readonly #out: Outflow
  readonly #parts: SessionParts

  constructor(session: Managed, out: Outflow, parts: SessionParts) {
    this.#session = session
    this.#out = out
    this.#parts = parts
  }

  /** Takes an element; false for what nobody understands. Throws the StreamError to close the stream with. */
  take(top: TopElement): boolean {
    const state = stateOf(top)
    if (isManagement(top)) this.#manage(top)
    // XEP-0352 §5.1: in its turn, so what it brings comes before the answers to what the client sends next.
    else if (state === 'active') this.#out.activate()
    else if (state === 'inactive') this.#out.deactivate()
    else return false
    return true
  }

  /** XEP-0198 */
  #manage(top: TopElement): void {
    const { management } = this.#out
    if (management !== undefined) management.take(top)
    else if (top.name === 'enable') {
      const { limits } = this.#parts.resumption
      const id = newId(top.attribute('resume'), limits)
      this.#session.text(enabled(id, limits).toString())
      this.enable(id)
    }
    // XEP-0198 §6: nothing has been enabled that could be asked for.
    else this.#session.text(failed('unexpected-request').toString())
  }

  /** XEP-0198 §3: the stream is managed from now on; `id` if its session can be resumed. */
  enable(id: string | undefined): void {
    const { resumption, clock } = this.#parts
    this.#out.management = new Management(this.#session, resumption, clock, id)
    this.#session.acknowledged([])
  }
}
