/** RFC 6121 §4.3: presence probes. */

import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import type { PresenceRegistration } from '../../core/stage.ts'
import { delay } from '../../xml/delay.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import lastActivity from '../last-activity.ts'
import { type Roster, type Rosters, sends } from '../roster/index.ts'
import { hasTold } from './directed.ts'

/** Asks contacts for their presence, for a session that does not know it. */
export function probe({ router }: Host, session: Session, contacts: readonly JID[]): void {
  const isHere = ({ domain }: JID): boolean => router.host(domain) !== undefined
  // RFC 6121 §4.3.1: no probe is needed on one server. This one asks for what only the new resource has to hear, hence its address.
  router.spread(Stanza.build('presence', { type: 'probe', from: session.jid }), contacts.filter(isHere))
  const elsewhere = contacts.filter(contact => !isHere(contact)).map(contact => contact.bare)
  // RFC 6121 §4.3: from and to bare addresses.
  router.spread(Stanza.build('presence', { type: 'probe', from: session.jid.bare }), elsewhere)
}

/** Answers probes about a contact. */
export function probes(host: Host, rosters: Rosters): PresenceRegistration {
  const activity = host.find(lastActivity)
  return {
    type: 'probe',
    side: 'recipient',
    atOnce: (probe, { owner }) => {
      const roster = rosters.inMemory(owner)
      // What another change, which waits in the lane, makes of a no is not known yet; a yes tells what the contact has let be known.
      if (roster === undefined || !allows(roster, probe.from)) return undefined
      const answers = presences(host, probe, roster)
      return answers.length > 0 ? answers : undefined
    },
    handler: (probe, { owner }) =>
      then(rosters.of(owner), (roster): Maybe<readonly Stanza[]> => {
        const answers = presences(host, probe, roster)
        if (answers.length > 0) return answers
        const { from, to = owner, id } = probe
        // RFC 6121 §4.3.2 rule 1; §4.3.2.1: with the id of the probe.
        if (!allows(roster, from))
          return [
            Stanza.build('presence', { type: 'unsubscribed', from: owner, to: from.bare, ...withId(id) }),
          ]
        // RFC 6121 §4.3.2 rule 3: since when.
        return then(to.isBare ? activity?.left(owner) : undefined, at => [
          Stanza.build(
            'presence',
            { type: 'unavailable', from: to, to: from, ...withId(id) },
            ...(at === undefined ? [] : [delay(owner, at)]),
          ),
        ])
      }),
  }
}

function allows(roster: Roster, asker: JID): boolean {
  return asker.bare.equals(roster.owner) || sends(roster.state(asker))
}

/** What the sessions that are asked about let be known. */
function presences(host: Host, { from, to }: Stanza, roster: Roster): Stanza[] {
  const allowed = allows(roster, from)
  const answers: Stanza[] = []
  for (const session of host.sessions(roster.owner)) {
    if (to !== undefined && !to.isBare && !session.jid.equals(to)) continue
    // RFC 6121 §4.3.2 rule 4, and what a probe of one resource may tell.
    if (allowed && session.presence !== undefined)
      answers.push(to === undefined || to.isBare ? session.presence.readdress(from) : mere(session, from))
    // RFC 6121 §4.6.6: directed presence says no more than that.
    else if (hasTold(session, from)) answers.push(mere(session, from))
  }
  return answers
}

/** That a session is there, and nothing else. */
function mere({ jid, presence }: Session, to: JID): Stanza {
  return Stanza.build('presence', { from: jid, to, ...withId(presence?.id) })
}

function withId(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id }
}
