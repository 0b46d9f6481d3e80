/** RFC 6121 §3: presence subscriptions, by the tables of its Appendix A. */
import { StanzaError } from '../../core/errors.ts'
import type { StageContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { PresenceRegistration, Side } from '../../core/stage.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import {
  asks,
  type Contact,
  type ContactRow,
  INBOUND,
  isAsked,
  OUTBOUND,
  type Roster,
  type Rosters,
  receives,
  type State,
  type SubscriptionType,
  sends,
} from '../roster/index.ts'
import type { Audience } from './audience.ts'
import { takeTold } from './directed.ts'
import type { Requests } from './requests.ts'

const TYPES: readonly SubscriptionType[] = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']

/** Handles the four types of subscription stanza, as a user sends and as he gets them. Runs in his lane. */
export class Subscriptions {
  readonly #host: Host
  readonly #rosters: Rosters
  readonly #audience: Audience
  readonly #requests: Requests

  constructor(host: Host, rosters: Rosters, audience: Audience, requests: Requests) {
    this.#host = host
    this.#rosters = rosters
    this.#audience = audience
    this.#requests = requests
  }

  /** The claims on all types, at both sides. */
  claims(): PresenceRegistration[] {
    const claim = (type: SubscriptionType, side: Side): PresenceRegistration => ({
      type,
      side,
      handler: (presence, { owner }: StageContext) =>
        then(this.#rosters.of(owner), roster =>
          side === 'sender'
            ? this.#outbound(type, presence, roster)
            : this.#isForNobody(type, presence)
              ? []
              : this.#inbound(type, presence.with({ from: presence.from.bare, to: owner }), roster),
        ),
    })
    return TYPES.flatMap(type => [claim(type, 'sender'), claim(type, 'recipient')])
  }

  /** RFC 6121 §8.5.3.2.2: all but a request is ignored at a full address that is nobody's. */
  #isForNobody(type: SubscriptionType, { to }: Stanza): boolean {
    if (type === 'subscribe' || to === undefined || to.isBare) return false
    return !this.#host.sessions(to).some(session => session.jid.equals(to))
  }

  /** A user's stanza to a contact: gives what is sent on. */
  async #outbound(type: SubscriptionType, presence: Stanza, roster: Roster): Promise<readonly Stanza[]> {
    const { owner } = roster
    const contact = (presence.to as JID).bare
    if (contact.equals(owner)) throw new StanzaError('not-allowed', { text: 'nobody is his own contact' })
    const state = roster.state(contact)
    const { passes, next } = OUTBOUND[type][state]
    const approved = preApproval(type, state, roster.find(contact)?.approved === true)
    const listed = type === 'subscribe' || approved || sends(next)
    if (listed) this.#rosters.requireRoom(roster, contact)
    const changed = await this.#rosters.change(roster, contact, row =>
      turned(row, next, { approved, listed }),
    )
    // RFC 6121 §3.1.2, §3.1.5: clients see the change before whatever comes of it.
    changed.push()
    if (!passes) return []
    // RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2: between bare addresses.
    const onward = presence.with({ from: owner, to: contact })
    const presences = this.#presences(owner, contact, sends(next), sends(state))
    // RFC 6121 §3.2.2: who is cancelled sees the user go "while the user is still subscribed".
    return type === 'unsubscribed' ? [...presences, onward] : [onward, ...presences]
  }

  /** A contact's stanza to a user: gives what is sent back. */
  async #inbound(type: SubscriptionType, presence: Stanza, roster: Roster): Promise<readonly Stanza[]> {
    const { owner } = roster
    const contact = presence.from
    const state = roster.state(contact)
    const { passes, next } = INBOUND[type][state]
    if (type === 'subscribe') return this.#asked(presence, roster, passes ? next : undefined)
    if (!passes) return []
    const changed = await this.#rosters.change(roster, contact, row => turned(row, next))
    // RFC 6121 §3.1.6, §3.2.3, §3.3.3: first the stanza, then the push.
    for (const session of this.#rosters.interested(owner)) session.send(presence)
    changed.push()
    if (receives(next) && !receives(state)) await this.#host.hooks.emit('roster:granted', { owner, contact })
    // RFC 6121 §3.3.3 rule 3: who cancels a subscription hears that the user is gone.
    return this.#presences(owner, contact, sends(next), sends(state))
  }

  /** RFC 6121 §3.1.3: somebody asks for a subscription. `next`: the state that waits for the answer, where it is asked anew. */
  async #asked(request: Stanza, roster: Roster, next: State | undefined): Promise<readonly Stanza[]> {
    const { owner } = roster
    const contact = request.from
    const known = roster.find(contact)
    const yes = Stanza.build('presence', { type: 'subscribed', from: owner, to: contact })
    // RFC 6121 §3.1.3 rule 1: granted already: the server answers.
    if (known !== undefined && sends(known.state)) return [yes]
    if (next === undefined) return []
    if (known?.approved) {
      // RFC 6121 §3.4.2: granted beforehand: as if the user had answered at once.
      const granted = OUTBOUND.subscribed[next].next
      const changed = await this.#rosters.change(roster, contact, row => turned(row, granted))
      changed.push()
      return [yes, ...this.#presences(owner, contact, true, false)]
    }
    const packed = this.#requests.pack(request, roster)
    await this.#rosters.change(roster, contact, row => ({ ...row, state: next, request: packed }))
    // RFC 6121 §3.1.3 rule 2
    for (const session of this.#host.sessions(owner)) if (session.available) session.send(request)
    return []
  }

  /** RFC 6121 §2.5.2: a removed contact is told that all is over, even a blocked one: else it would ask for presence for ever. */
  removed(owner: JID, { jid, state }: Contact): Maybe<void> {
    const tell = (type: SubscriptionType) =>
      this.#host.router.route(Stanza.build('presence', { type, from: owner, to: jid }))
    if (receives(state) || asks(state)) tell('unsubscribe')
    return then(this.#audience.of(owner, [jid]), contacts => {
      // Who is blocked has seen all of them go already.
      for (const contact of contacts)
        for (const gone of this.#presences(owner, contact, false, sends(state))) this.#host.router.route(gone)
      if (sends(state) || isAsked(state)) tell('unsubscribed')
    })
  }

  /** RFC 6121 §3.1.5, §3.2.2: the presence of each available resource to who gets it from now on, or unavailable to who does no more. */
  #presences(owner: JID, contact: JID, now: boolean, before: boolean): Stanza[] {
    if (now === before) return []
    return this.#host.sessions(owner).flatMap(session => {
      const { presence } = session
      if (now) return presence?.readdress(contact) ?? []
      // RFC 6121 §4.6.1: this has precedence over directed presence, which is over, too.
      const told = takeTold(session, entity => entity.bare.equals(contact))
      const gone = Stanza.build('presence', { type: 'unavailable', from: session.jid, to: contact })
      return presence === undefined ? told.map(entity => gone.readdress(entity)) : gone
    })
  }
}

/** RFC 6121 §3.4.2: `subscribed` to who has not asked is noted; §3.2.2: `unsubscribed` takes it back. */
function preApproval(type: SubscriptionType, state: State, approved: boolean): boolean {
  if (type === 'unsubscribed') return false
  return approved || (type === 'subscribed' && !isAsked(state) && !sends(state))
}

/** A contact in another state; undefined when nothing is left of it. */
function turned(
  { request, ...row }: ContactRow,
  state: State,
  flags: { approved: boolean; listed: boolean } = row,
): ContactRow | undefined {
  const listed = row.listed || flags.listed
  if (!listed && state === 'none') return undefined
  const waits = isAsked(state) && request !== undefined
  return { ...row, state, approved: flags.approved, listed, ...(waits && { request }) }
}
