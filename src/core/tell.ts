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

type Lets = (at: StageContext) => Maybe<boolean>

/** Whether recipients are to get what a room says: by the address in the room, and by the real one of `by`, which nobody hides behind. */
class Guarding {
  readonly #stanza: Stanza
  /** The same from the real address. */
  readonly #real: Stanza | undefined
  #host: Host | undefined
  #lets: Lets = () => true
  #letsReal: Lets = () => true

  constructor(stanza: Stanza, by: JID) {
    this.#stanza = stanza
    this.#real = by.bare.equals(stanza.from.bare) ? undefined : stanza.with({ from: by })
  }

  passes({ jid: owner }: Owner, host: Host, session: Session): Maybe<boolean> {
    if (host !== this.#host) this.#turnTo(host)
    const lets = this.#lets({ owner, side: 'recipient', told: session })
    const real = this.#real
    if (real === undefined || real.from.bare.equals(owner)) return lets
    const letsReal = this.#letsReal
    return then(lets, lets => lets && letsReal({ owner, side: 'recipient', asked: true }))
  }

  /** Most often all recipients are of one host. */
  #turnTo(host: Host): void {
    const { stages } = host.hooks
    this.#host = host
    this.#lets = stages.letting(this.#stanza, 'recipient')
    if (this.#real !== undefined) this.#letsReal = stages.letting(this.#real, 'recipient')
  }
}

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
    const guarding = new Guarding(stanza, by)
    for (const to of recipients) {
      try {
        this.#tell(stanza, to, guarding)
      } catch (error) {
        // A fault in the guard of one recipient is not for the others.
        this.#router.unexpected(error)
      }
    }
  }

  #tell(stanza: Stanza, to: JID, guarding: Guarding): void {
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
      this.#later(to, () => this.#hand(stanza, session, guarding.passes(owner, host, session)))
      return
    }
    const passes = guarding.passes(owner, host, session)
    if (isPromise(passes)) this.#later(to, () => this.#hand(stanza, session, passes))
    else if (passes) session.send(stanza.readdress(session.jid))
  }

  #hand(stanza: Stanza, session: Session, passes: Maybe<boolean>): Maybe<void> {
    return then(passes, passes => void (passes && session.send(stanza.readdress(session.jid))))
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
