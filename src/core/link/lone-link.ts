import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { StreamState } from '../carried.ts'
import type { Maybe } from '../maybe.ts'
import type { Router } from '../router.ts'
import type { AttachedService } from '../services.ts'
import type { Session, SessionHandle, SessionPort } from '../session.ts'
import type { Unacknowledged } from '../unacknowledged.ts'
import type { Link } from './types.ts'

/** The link of a node that is alone, where everybody is at home: what would go to another node is never asked for. */
export class LoneLink implements Link {
  readonly #router: Router

  constructor(router: Router) {
    this.#router = router
  }

  handle(session: Session): SessionHandle {
    return new LoneHandle(session, this.#router)
  }

  async attach(service: AttachedService, port: SessionPort): Promise<() => Promise<void>> {
    service.attach(port)
    return async () => service.detach(port)
  }

  ended(): void {}

  isIdle(): boolean {
    return true
  }

  async settled(): Promise<void> {}

  bind = nowhere
  nodes = nowhere
  fetch = nowhere
  move = nowhere
  receive = nowhere
  spread = nowhere
  forget = nowhere
  storeHandled = nowhere
  atHome = nowhere
  atNode = nowhere
}

/** A session and its connection are at the same node for ever. */
class LoneHandle implements SessionHandle {
  readonly #session: Session
  readonly #router: Router

  constructor(session: Session, router: Router) {
    this.#session = session
    this.#router = router
  }

  get jid(): JID {
    return this.#session.jid
  }

  submit(stanza: Stanza): Maybe<void> {
    return this.#router.submit(stanza, this.#session)
  }

  unbind(lost = false, unacknowledged?: () => readonly Unacknowledged[]): Maybe<void> {
    return this.#router.sessionEnds.unbind(this.#session, lost, unacknowledged)
  }

  stream(state: StreamState): void {
    this.#session.carried.state = state
  }

  acknowledged(sent: readonly Unacknowledged[]): void {
    this.#router.sessionEnds.acknowledged(this.jid, sent)
  }

  move(): never {
    return nowhere()
  }
}

function nowhere(): never {
  throw new Error('there is no other node')
}
