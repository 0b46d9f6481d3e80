import type { JID } from '../xml/jid.ts'
import type { Stanza } from '../xml/stanza.ts'
import { takePresence } from './arrival.ts'
import type { Background } from './background.ts'
import { deliverPresence } from './delivery.ts'
import type { StageContext } from './extension.ts'
import type { Owner } from './homes.ts'
import type { Host } from './host.ts'
import type { Link } from './link/types.ts'
import { isPromise } from './maybe.ts'
import type { Router } from './router.ts'

/**
 * Presence for many: a user of this node who can hear it at once does, without the steps of a stanza that could be refused, stored or waited
 * for. Half of what a server has to do when many come online is this.
 */
export class Spreading {
  readonly #router: Router
  readonly #link: Link
  readonly #background: Background

  constructor(router: Router, link: Link, background: Background) {
    this.#router = router
    this.#link = link
    this.#background = background
  }

  /** See `Router.spread()`. */
  spread(presence: Stanza, recipients: readonly JID[]): void {
    let others: JID[] | undefined
    for (const to of recipients) {
      if (this.#router.isHome(to)) this.#spreadHere(presence, to)
      else {
        others ??= []
        others.push(to)
      }
    }
    if (others !== undefined) this.#link.spread(presence, others)
  }

  /** The same for those whose home is this node. */
  spreadHere(presence: Stanza, recipients: readonly JID[]): void {
    for (const to of recipients) this.#spreadHere(presence, to)
  }

  #spreadHere(presence: Stanza, to: JID): void {
    const host = this.#router.host(to.domain)
    const owner = host && this.#router.homes.find(to)
    if (host === undefined) this.#router.route(presence.readdress(to))
    else if (owner?.available) this.#reach(presence.readdress(to), owner, host)
  }

  /** Presence for a user of this node: after his guards, in its turn. */
  #reach(presence: Stanza, owner: Owner, host: Host): void {
    if (host.hooks.stages.records(presence, 'recipient')) {
      this.#router.route(presence)
      return
    }
    const at: StageContext = { owner: owner.jid, side: 'recipient' }
    try {
      const admitted = host.hooks.stages.admit(presence, at)
      if (isPromise(admitted)) {
        const leave = this.#router.enter(presence)
        this.#later(this.#takeLater(admitted, host, at).finally(leave))
      } else if (admitted !== undefined) this.#hand(admitted, owner, host, at)
    } catch (error) {
      this.#router.unexpected(error)
    }
  }

  /** What has passed the guards. */
  #hand(presence: Stanza, owner: Owner, host: Host, at: StageContext): void {
    const claim = host.hooks.stages.presenceClaim(presence, 'recipient')
    if (owner.presence.waiting === 0) {
      if (claim === undefined) {
        deliverPresence(presence, owner)
        return
      }
      const answers = claim.atOnce?.(presence, at)
      if (answers !== undefined) {
        for (const answer of answers) this.#answer(answer)
        return
      }
    }
    const taken = takePresence(this.#router, claim, presence, at)
    if (isPromise(taken)) this.#later(taken)
  }

  async #takeLater(admitted: Promise<Stanza | undefined>, { hooks }: Host, at: StageContext): Promise<void> {
    const presence = await admitted
    if (presence === undefined) return
    await takePresence(this.#router, hooks.stages.presenceClaim(presence, 'recipient'), presence, at)
  }

  /** What waits, for a guard or for its turn. */
  #later(work: Promise<void>): void {
    this.#background.run(
      'presence',
      work.catch(error => this.#router.unexpected(error)),
    )
  }

  #answer(answer: Stanza): void {
    const to = answer.to ?? answer.from
    const host = this.#router.host(to.domain)
    const owner = host && this.#router.homes.find(to)
    if (host === undefined || owner === undefined) this.#router.route(answer)
    else this.#reach(answer, owner, host)
  }
}
