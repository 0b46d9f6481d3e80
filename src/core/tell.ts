import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import type { Background } from './background.ts'
import type { Owner } from './homes.ts'
import type { Host } from './host.ts'
import type { Link } from './link/types.ts'
import { isPromise, type Maybe, then } from './maybe.ts'
import type { Router } from './router.ts'
import type { Session } from './session.ts'
import type { StageContext } from './stage.ts'

/**
 * What a room says, for its occupants, each a full JID: it goes to that session and nowhere else, without the steps of a stanza that could be
 * refused, stored or answered. Of what concerns a recipient only the guards run.
 */
export class Telling {
  readonly #router: Router
  readonly #link: Link
  readonly #background: Background

  constructor(router: Router, link: Link, background: Background) {
    this.#router = router
    this.#link = link
    this.#background = background
  }

  /** See `Router.tellMany()`. */
  tell(stanza: Stanza, recipients: readonly JID[], by: JID): void {
    if (this.#router.cluster.alone) {
      this.tellHere(stanza, recipients, by)
      return
    }
    const here: JID[] = []
    const there: JID[] = []
    for (const to of recipients) (this.#router.isHome(to) ? here : there).push(to)
    this.tellHere(stanza, here, by)
    if (there.length > 0) this.#link.spread(stanza, there, by)
  }

  /** The same for those whose home is this node, and those who have none. */
  tellHere(stanza: Stanza, recipients: readonly JID[], by: JID): void {
    const real = by.bare.equals(stanza.from.bare) ? undefined : stanza.with({ from: by })
    for (const to of recipients) {
      try {
        this.#tell(stanza, to, real)
      } catch (error) {
        // A fault in the guard of one recipient is not for the others.
        this.#router.unexpected(error)
      }
    }
  }

  /** `real`: the same from the real address. */
  #tell(stanza: Stanza, to: JID, real: Stanza | undefined): void {
    const host = this.#router.host(to.domain)
    if (host === undefined) {
      this.#router.route(stanza.readdress(to))
      return
    }
    const owner = this.#router.homes.find(to)
    const session = owner?.session(to.resource)
    // Its end tells the room.
    if (owner === undefined || session === undefined) return
    if (owner.presence.waiting > 0) {
      this.#later(to, () => this.#hand(stanza, session, this.#passes(stanza, owner, host, real)))
      return
    }
    const passes = this.#passes(stanza, owner, host, real)
    if (isPromise(passes)) this.#later(to, () => this.#hand(stanza, session, passes))
    else if (passes) session.send(stanza.readdress(session.jid))
  }

  #hand(stanza: Stanza, session: Session, passes: Maybe<boolean>): Maybe<void> {
    return then(passes, passes => void (passes && session.send(stanza.readdress(session.jid))))
  }

  /** Whether the recipient is to get it: by the address in the room, and by the real one, which nobody hides behind. */
  #passes(stanza: Stanza, owner: Owner, { hooks }: Host, real: Stanza | undefined): Maybe<boolean> {
    const at: StageContext = { owner: owner.jid, side: 'recipient' }
    return then(
      hooks.stages.lets(stanza, at),
      lets => lets && (real === undefined || real.from.bare.equals(owner.jid) || hooks.stages.lets(real, at)),
    )
  }

  /** In the order in which it came, with what waits for a guard. */
  #later(to: JID, task: () => Maybe<void>): void {
    const done = this.#router.homes.inPresenceLane(to, task)
    if (isPromise(done))
      this.#background.run(
        'tell',
        done.catch(error => this.#router.unexpected(error)),
      )
  }
}
