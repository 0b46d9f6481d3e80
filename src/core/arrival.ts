import type { Write } from '../storage/types.ts'
import type { JID } from '../xml/jid.ts'
import { Stanza } from '../xml/stanza.ts'
import { deliver, deliverPresence } from './delivery.ts'
import { StanzaError } from './errors.ts'
import type { StageContext } from './extension.ts'
import type { Host } from './host.ts'
import { dispatchIq } from './iq.ts'
import { type Maybe, then } from './maybe.ts'
import { isNotification } from './presence.ts'
import type { Router } from './router.ts'
import type { Origin, Session } from './session.ts'
import type { PresenceRegistration } from './stage.ts'

/** The recipient's half of a stanza's path: what is to be stored, and what to do once it is. */
export interface Arrival {
  readonly writes: readonly Write[]
  /** Runs after the commit. Throws the StanzaError that answers the sender. */
  readonly arrive: () => Maybe<void>
}

const NOTHING: Arrival = { writes: [], arrive: () => undefined }

/**
 * Prepares the recipient's half at this node: finds what is addressed, then guard, stamp and record. `origin` gets the answers of
 * requests; `session` is the sender's, when its home is this node.
 */
export function arrival(
  router: Router,
  stanza: Stanza,
  origin: Origin,
  session?: Session,
  sender: object | undefined = session,
): Maybe<Arrival> {
  // RFC 6120 §10.3: without `to`, a stanza is for the sender's own account.
  const to = stanza.to ?? stanza.from.bare
  const host = router.host(to.domain)
  if (host === undefined) {
    const service = router.services.of(to.domain)
    // RFC 6120 §10.4: a domain that is not served here.
    if (service === undefined) throw new StanzaError('remote-server-not-found')
    if ('receive' in service) return { writes: [], arrive: () => service.receive(stanza) }
    return then(service.begin(stanza), arrive => ({ writes: [], arrive }))
  }
  if (to.local === '') return { writes: [], arrive: () => atServer(stanza, host, origin) }
  if (stanza.kind === 'iq' && to.resource === '') {
    const own = session?.jid.bare.equals(to) ? { session } : {}
    // A request to an account passes its guards like all else that comes for it: whom it blocks may not ask the server about it either.
    return then(host.hooks.stages.admit(stanza, { owner: to, side: 'recipient' }), admitted =>
      admitted === undefined
        ? NOTHING
        : {
            writes: [],
            arrive: () => dispatchIq(admitted, { host, place: 'account', owner: to, ...own }, origin),
          },
    )
  }
  const account = to.bare
  const signedIn = host.sessions(account).length > 0
  // RFC 6121 §8.5.1, §8.5.2.2.2, §8.5.3.2.2: ignored, whether there is such an account or not, which therefore need not be looked up.
  if (!signedIn && isNotification(stanza)) return NOTHING
  const exists = signedIn || host.accounts.exists(account)
  return then(exists, exists =>
    exists
      ? atAccount(router, stanza, host, {
          owner: account,
          side: 'recipient',
          ...(sender && { sender }),
        })
      : noAccount(router, stanza, account),
  )
}

function atAccount(router: Router, original: Stanza, host: Host, at: StageContext): Maybe<Arrival> {
  return then(host.hooks.stages.admit(original, at), stanza => {
    if (stanza === undefined) return NOTHING
    const claim = host.hooks.stages.presenceClaim(stanza, 'recipient')
    if (claim !== undefined) return { writes: [], arrive: () => takePresence(router, claim, stanza, at) }
    return then(host.hooks.stages.record(stanza, at), writes => ({
      writes,
      arrive: () => {
        if (stanza.kind === 'presence') return takePresence(router, undefined, stanza, at)
        return router.homes.inLane(at.owner, owner => {
          if (owner.forgotten) return noAccount(router, stanza, at.owner).arrive()
          return deliver(host.ids.identify(stanza, at.owner, writes), owner, host.hooks, at)
        })
      },
    }))
  })
}

/** Presence for an account, in its turn: delivered, or handled by whoever claims it. */
export function takePresence(
  router: Router,
  claim: PresenceRegistration | undefined,
  presence: Stanza,
  at: StageContext,
): Maybe<void> {
  const { homes } = router
  return homes.inPresenceLane(at.owner, owner => {
    if (claim === undefined) return deliverPresence(presence, owner)
    return homes.inLane(at.owner, () =>
      then(claim.handler(presence, at), answers => {
        for (const answer of answers) router.route(answer)
      }),
    )
  })
}

/** RFC 6121 §8.5.1: no such account: an error answers requests and messages; presence is ignored and, by §8.5.4, a headline. */
function noAccount(router: Router, stanza: Stanza, account: JID): Arrival {
  // RFC 6121 §4.3.2 rule 1: the same answer as from an account whose presence is not for whoever asks.
  if (stanza.kind === 'presence' && stanza.type === 'probe') {
    const { from, id } = stanza
    const answer = Stanza.build('presence', {
      type: 'unsubscribed',
      from: account,
      to: from.bare,
      ...(id !== undefined && { id }),
    })
    return { writes: [], arrive: () => router.route(answer) }
  }
  if (stanza.kind === 'presence' || (stanza.kind === 'message' && stanza.type === 'headline')) return NOTHING
  throw new StanzaError('service-unavailable')
}

function atServer(stanza: Stanza, host: Host, origin: Origin): void {
  if (stanza.kind === 'iq') dispatchIq(stanza, { host, place: 'server', owner: host.jid }, origin)
  // Nobody reads messages to the server itself, and presence to it means nothing yet.
  else if (stanza.kind === 'message') throw new StanzaError('service-unavailable')
}
