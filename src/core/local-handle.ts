import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { StreamState } from './carried.ts'
import type { Maybe } from './maybe.ts'
import type { Router } from './router.ts'
import type { Session, SessionHandle } from './session.ts'
import type { Unacknowledged } from './unacknowledged.ts'

/** The handle of a session whose home is this node. A class, for there is one for each session: smaller than closures. */
export class LocalHandle implements SessionHandle {
  readonly #router: Router
  readonly #session: Session

  constructor(router: Router, session: Session) {
    this.#router = router
    this.#session = session
  }

  get jid(): JID {
    return this.#session.jid
  }

  submit(stanza: Stanza): Maybe<void> {
    return this.#router.submit(stanza, this.#session)
  }

  stream(state: StreamState): void {
    this.#session.carried.state = state
  }

  acknowledged(sent: readonly Unacknowledged[]): void {
    this.#router.acknowledged(this.jid, sent)
  }

  async move(node: string, number: number): Promise<void> {
    this.#router.move(this.#session, node, number)
  }

  unbind(lost?: boolean, unacknowledged?: () => readonly Unacknowledged[]): Maybe<void> {
    return this.#router.unbind(this.#session, lost, unacknowledged)
  }
}
