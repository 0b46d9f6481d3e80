/** XEP-0191 §3.3, §3.4: contacts that are blocked see the user go, and see him again when they are blocked no more. */
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { covers } from '../blocking/index.ts'
import { type Roster, type Rosters, receives, type State, sends } from '../roster/index.ts'
import type { Audience } from './audience.ts'
import { takeTold } from './directed.ts'
import { probe } from './probes.ts'

/** Runs in the lane of the user who blocks. */
export class BlockedContacts {
  readonly #host: Host
  readonly #rosters: Rosters
  readonly #audience: Audience

  constructor(host: Host, rosters: Rosters, audience: Audience) {
    this.#host = host
    this.#rosters = rosters
    this.#audience = audience
  }

  /** These addresses are about to be blocked. */
  blocking(owner: JID, jids: readonly string[]): Maybe<void> {
    return then(this.#rosters.of(owner), roster =>
      // The new addresses do not hold yet: left out are those that were blocked before, who have been told.
      then(this.#audience.of(owner, affected(roster, jids, sends)), contacts => {
        const blocked = new Set(jids)
        const heard = new Set(contacts.map(String))
        for (const session of this.#host.sessions(owner)) {
          const gone = Stanza.build('presence', { type: 'unavailable', from: session.jid })
          // XEP-0191 §3.3: unavailable presence to whoever "is allowed to receive presence notifications from the user".
          if (session.available) this.#host.router.spread(gone, contacts)
          for (const to of takeTold(session, one => covers(blocked, owner, one)))
            if (!session.available || !(heard.has(to.toString()) || heard.has(to.bare.toString())))
              this.#host.router.route(gone.readdress(to))
        }
      }),
    )
  }

  /** These addresses are blocked no more. */
  unblocked(owner: JID, jids: readonly string[]): Maybe<void> {
    return then(this.#rosters.of(owner), roster =>
      // A contact may still be blocked by its domain.
      then(this.#audience.of(owner, affected(roster, jids, sends)), told =>
        then(this.#audience.of(owner, affected(roster, jids, receives)), asked => {
          for (const session of this.#host.sessions(owner)) {
            if (session.presence === undefined) continue
            // XEP-0191 §3.4: the current presence.
            this.#host.router.spread(session.presence, told)
            // RFC 6121 §4.3: what they have sent meanwhile was not delivered.
            probe(this.#host, session, asked)
          }
        }),
      ),
    )
  }
}

/** The contacts whose state fits and who are among the addresses: as a whole, or one resource of theirs. */
function affected(roster: Roster, jids: readonly string[], fits: (state: State) => boolean): JID[] {
  const addresses = new Set(jids)
  const whole = roster.which(fits).filter(contact => covers(addresses, roster.owner, contact))
  const resources = jids
    .map(text => JID.parse(text))
    .filter(jid => !jid.isBare && fits(roster.state(jid)) && !covers(addresses, roster.owner, jid.bare))
  return [...whole, ...resources]
}
