import type { JID } from '../xml/jid.ts'
import type { Background } from './background.ts'
import type { Owner } from './homes.ts'
import type { Host } from './host.ts'
import type { Link } from './link/types.ts'
import { attempt, eachInOrder, type Maybe, then } from './maybe.ts'
import type { Router } from './router.ts'
import type { Origin, Session } from './session.ts'
import { deliverAgain, type Unacknowledged } from './unacknowledged.ts'

/** How sessions end, and what comes of that which their clients have got, or have not. */
export class SessionEnds {
  readonly #router: Router
  readonly #link: Link
  readonly #background: Background

  constructor(router: Router, link: Link, background: Background) {
    this.#router = router
    this.#link = link
    this.#background = background
  }

  /** Ends a session whose home is this node; see `SessionHandle.unbind()`. */
  unbind(session: Session, lost = false, unacknowledged?: () => readonly Unacknowledged[]): Maybe<void> {
    const host = this.#router.hostOf(session.jid)
    this.#link.ended(session)
    return this.#router.sessions.unbind(host, session, lost || unacknowledged !== undefined, owner => {
      const left = unacknowledged?.() ?? []
      return left.length === 0 ? undefined : this.#deliverAgain(left, session.jid, owner, host)
    })
  }

  /** The connection of a session whose home is this node was at one that has died: it ends as one whose connection has broken. */
  lose(session: Session): void {
    session.unaccounted = true
    this.#background.run(
      'node lost',
      this.unbind(session, true, () => []),
    )
  }

  /** Tells the extensions of a host what the client of a session has acknowledged. The connection is at this node, the home anywhere. */
  acknowledged(jid: JID, sent: readonly Unacknowledged[]): void {
    const { hooks } = this.#router.hostOf(jid)
    this.#background.run('acknowledged', hooks.emit('delivery:acknowledged', { jid, sent }))
  }

  /** Sees to what the client of a session that has gone did not acknowledge; answers its senders. */
  #deliverAgain(left: readonly Unacknowledged[], gone: JID, owner: Owner, host: Host): Maybe<undefined> {
    const back: Origin = { send: answer => this.#router.route(answer) }
    const exists = attempt(
      () => host.accounts.exists(owner.jid),
      () => true,
    )
    return then(exists, exists => {
      // The sessions of an account that is removed end after it.
      if (!exists) owner.forgotten = true
      return eachInOrder(left, sent =>
        this.#router.answering(sent.stanza, back, () => deliverAgain(sent, gone, owner, host)),
      )
    })
  }
}
