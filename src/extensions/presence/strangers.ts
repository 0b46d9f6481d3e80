/** RFC 6121 §8.5.3.1: who does not see that a resource is there must not find it out by asking it. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { then } from '../../core/maybe.ts'
import type { Stages } from '../../core/stage.ts'
import { type Rosters, subscriptionSends } from '../roster/index.ts'
import { sharesWith } from './directed.ts'

/** Refuses requests to a resource that does not share presence with whoever asks: the same answer as from one that is not there. */
export function refuseStrangers(host: Host, rosters: Rosters): Stages['guard'] {
  return ({ type, from, to }, { owner }) => {
    if ((type !== 'get' && type !== 'set') || to === undefined || to.isBare) return
    // The own resources, and this server.
    if (from.bare.equals(owner) || (from.local === '' && host.router.host(from.domain) !== undefined)) return
    const session = host.sessions(owner).find(one => one.jid.equals(to))
    if (session === undefined || sharesWith(session, from)) return
    return then(rosters.subscription(owner, from), subscription => {
      if (!subscriptionSends(subscription)) throw new StanzaError('service-unavailable')
      return undefined
    })
  }
}
