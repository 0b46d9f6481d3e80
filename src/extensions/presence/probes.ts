/** RFC 6121 §4.3: presence probes. */
import type { PresenceHandler } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import { delay } from '../../xml/delay.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import lastActivity from '../last-activity.ts'
import { type Rosters, sends } from '../roster/index.ts'
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

/** Answers probes in the lane of the contact that is asked about. */
export function probes(host: Host, rosters: Rosters): PresenceHandler {
  const activity = host.find(lastActivity)
  return (probe, { owner }) =>
    then(rosters.of(owner), (roster): Maybe<readonly Stanza[]> => {
      const { from, to = owner, id } = probe
      const sessions = host.sessions(owner).filter(session => to.isBare || session.jid.equals(to))
      const allowed = from.bare.equals(owner) || sends(roster.state(from))
      const answers = sessions.flatMap(session => {
        // RFC 6121 §4.3.2 rule 4, and what a probe of one resource may tell.
        if (allowed && session.presence !== undefined)
          return to.isBare ? session.presence.readdress(from) : mere(session, from)
        // RFC 6121 §4.6.6: directed presence says no more than that.
        return hasTold(session, from) ? mere(session, from) : []
      })
      if (answers.length > 0) return answers
      // RFC 6121 §4.3.2 rule 1; §4.3.2.1: with the id of the probe.
      if (!allowed)
        return [Stanza.build('presence', { type: 'unsubscribed', from: owner, to: from.bare, ...withId(id) })]
      // RFC 6121 §4.3.2 rule 3: since when.
      return then(to.isBare ? activity?.left(owner) : undefined, at => [
        Stanza.build(
          'presence',
          { type: 'unavailable', from: to, to: from, ...withId(id) },
          ...(at === undefined ? [] : [delay(owner, at)]),
        ),
      ])
    })
}

/** That a session is there, and nothing else. */
function mere({ jid, presence }: Session, to: JID): Stanza {
  return Stanza.build('presence', { from: jid, to, ...withId(presence?.id) })
}

function withId(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id }
}
