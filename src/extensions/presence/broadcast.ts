/** RFC 6121 §4.2, §4.4, §4.5: presence of a session to the user's own resources and to his contacts. */
import { randomUUID } from 'node:crypto'
import type { Events } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { asks, type Roster, type Rosters, receives, sends } from '../roster/index.ts'
import type { Audience } from './audience.ts'
import { takeTold } from './directed.ts'
import { probe } from './probes.ts'
import type { Requests } from './requests.ts'

/** Tells of sessions that come, change and go. Runs in the lane of the user; needs no storage once the roster is in memory. */
export class Broadcast {
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

  /** A session has broadcast presence. */
  changed({ session, presence, before }: Events['session:presence']): Maybe<void> {
    const owner = session.jid.bare
    if (!session.available && !before.available) {
      this.#depart(session, presence, [])
      return
    }
    return then(this.#rosters.of(owner), roster => {
      // RFC 6121 §4.2.2, §4.4.2, §4.5.2: to all of the user's available resources, including the one it comes from.
      session.send(presence.readdress(owner))
      this.#toOwn(session, presence)
      return then(this.#audience.of(owner, roster.which(sends)), subscribers => {
        this.#host.router.spread(presence, subscribers)
        if (!session.available) this.#depart(session, presence, subscribers)
        else if (!before.available) return this.#arrive(session, roster)
      })
    })
  }

  /** A session is gone, however it went: RFC 6121 §4.5.2. */
  closed(session: Session): Maybe<void> {
    const unavailable = Stanza.build('presence', { type: 'unavailable', from: session.jid })
    if (!session.available) return this.#depart(session, unavailable, [])
    const owner = session.jid.bare
    return then(this.#rosters.of(owner), roster => {
      this.#toOwn(session, unavailable)
      return then(this.#audience.of(owner, roster.which(sends)), subscribers => {
        this.#host.router.spread(unavailable, subscribers)
        this.#depart(session, unavailable, subscribers)
      })
    })
  }

  /** A new resource learns who is there, and who has asked for a subscription. */
  #arrive(session: Session, roster: Roster): Maybe<void> {
    const owner = session.jid.bare
    for (const other of this.#host.sessions(owner))
      if (other !== session && other.presence !== undefined) session.send(other.presence.readdress(owner))
    // RFC 6121 §4.2.2, §4.3.1: a probe to each contact whose presence the user gets.
    return then(this.#audience.of(owner, roster.which(receives)), contacts => {
      probe(this.#host, session, contacts)
      return then(this.#askAgain(roster), () => this.#requests.deliver(session, roster))
    })
  }

  /** RFC 6121 §3.1.2: a request that waits at another server may have been lost on the way there. */
  #askAgain(roster: Roster): Maybe<void> {
    const { router } = this.#host
    const asked = roster.which(asks).filter(contact => router.host(contact.domain) === undefined)
    if (asked.length === 0) return
    const request = Stanza.build('presence', { type: 'subscribe', from: roster.owner, id: randomUUID() })
    return then(this.#audience.of(roster.owner, asked), contacts => router.spread(request, contacts))
  }

  /** Sends presence of a session to the other available resources of its user. */
  #toOwn(session: Session, presence: Stanza): void {
    for (const other of this.#host.sessions(session.jid))
      if (other !== session && other.available) other.send(presence.readdress(session.jid.bare))
  }

  /** RFC 6121 §4.6.3: those that were told by directed presence hear it too, unless they have heard it as subscribers. */
  #depart(session: Session, unavailable: Stanza, subscribers: readonly JID[]): void {
    const told = takeTold(session)
    if (told.length === 0) return
    const heard = new Set(subscribers.map(jid => jid.toString()))
    for (const to of told)
      if (!heard.has(to.bare.toString())) this.#host.router.route(unavailable.readdress(to))
  }
}
