/** XEP-0379 §3.5, §3.6, XEP-0401 §5.5: who was invited and who has invited become contacts, without a question to those of this server. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { asks, INBOUND, OUTBOUND, type Rosters, type SubscriptionType } from '../roster/index.ts'
import type { Audience } from './audience.ts'
import { probe } from './probes.ts'

declare module '../../core/home-tasks.ts' {
  interface HomeTasks {
    /** The owner and a contact, by its bare address, see each other's presence from now on. */
    'presence:befriend'(owner: JID, contact: string): Promise<'befriended' | 'were friends' | 'no account'>
    /** Tells a contact, by its bare address, which of the owner's resources are there, and asks them for its own. */
    'presence:meet'(owner: JID, contact: string): Maybe<void>
    /** The owner lets a contact of another server, by its bare address, see his presence, and asks to see that of the contact. */
    'presence:welcome'(owner: JID, contact: string): Promise<void>
  }
}

/**
 * Makes two accounts of this server contacts of each other, each in its own lane at its own home; doing it again changes nothing. Of a
 * newcomer from elsewhere only the inviter's side is done here.
 */
export class Introductions {
  readonly #host: Host
  readonly #rosters: Rosters
  readonly #audience: Audience

  constructor(host: Host, rosters: Rosters, audience: Audience) {
    this.#host = host
    this.#rosters = rosters
    this.#audience = audience
  }

  /** In no lane: it waits for both. An inviter who has left stays alone. */
  async introduce(inviter: JID, newcomer: JID): Promise<void> {
    const { router } = this.#host
    if (router.host(inviter.domain) === undefined || inviter.equals(newcomer)) return
    if (router.host(newcomer.domain) === undefined)
      return router.atHome.run('presence:welcome', inviter, newcomer.toString())
    const first = await router.atHome.run('presence:befriend', inviter, newcomer.toString())
    if (first === 'no account') return
    const second = await router.atHome.run('presence:befriend', newcomer, inviter.toString())
    // Only now both know whose presence it is that they get.
    if (first === 'befriended' || second === 'befriended')
      await router.atHome.run('presence:meet', newcomer, inviter.toString())
  }

  /** One side of it. Runs in the lane of the owner. */
  async befriend(owner: JID, contact: JID): Promise<'befriended' | 'were friends' | 'no account'> {
    if (!(await this.#host.accounts.exists(owner))) return 'no account'
    const roster = await this.#rosters.of(owner)
    const known = roster.find(contact)
    if (known?.listed && known.state === 'both') return 'were friends'
    // A request of the contact that waits is answered with this, and so is one of the owner.
    const changed = await this.#rosters.change(roster, contact, ({ request: _, ...row }) => ({
      ...row,
      state: 'both',
      listed: true,
    }))
    // XEP-0401 §5.5: "the server MUST use roster pushes [...] in order to inform the inviter".
    changed.push()
    return 'befriended'
  }

  /** XEP-0379 §3.5: as if the owner had said yes to a request of the contact, and then asked himself. Runs in the lane of the owner. */
  async welcome(owner: JID, contact: JID): Promise<void> {
    const roster = await this.#rosters.of(owner)
    // RFC 6121 Appendix A: asked, granted, and asked in turn.
    const asked = INBOUND.subscribe[roster.state(contact)].next
    const { next } = OUTBOUND.subscribe[OUTBOUND.subscribed[asked].next]
    const changed = await this.#rosters.change(roster, contact, ({ request: _, ...row }) => ({
      ...row,
      state: next,
      listed: true,
    }))
    changed.push()
    const send = (type: SubscriptionType): void =>
      this.#host.router.route(Stanza.build('presence', { type, from: owner, to: contact }))
    send('subscribed')
    for (const { presence } of this.#host.sessions(owner))
      if (presence !== undefined)
        this.#host.router.spread(presence, await this.#audience.of(owner, [contact]))
    if (asks(next)) send('subscribe')
  }

  /** RFC 6121 §3.1.5, §3.1.6: what two clients would see of each other had both said yes. Runs in the lane of the owner. */
  meet(owner: JID, contact: JID): Maybe<void> {
    return then(this.#audience.of(owner, [contact]), contacts => {
      for (const session of this.#host.sessions(owner)) {
        if (session.presence === undefined) continue
        this.#host.router.spread(session.presence, contacts)
        probe(this.#host, session, contacts)
      }
    })
  }
}
