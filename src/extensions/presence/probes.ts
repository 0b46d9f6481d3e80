/** RFC 6121 §4.3: presence probes. */
import type { PresenceHandler } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { then } from '../../core/maybe.ts'
import type { Session } from '../../core/session.ts'
import type { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import { type Rosters, sends } from '../roster/index.ts'
import { hasTold } from './directed.ts'

/** Answers probes in the lane of the contact that is asked about. */
export function probes(host: Host, rosters: Rosters): PresenceHandler {
  return ({ from, to }, { owner }) =>
    then(rosters.of(owner), roster => {
      const sessions = host.sessions(owner).filter(session => isMeant(session, to))
      const allowed = from.bare.equals(owner) || sends(roster.state(from))
      const told = allowed ? sessions : sessions.filter(session => hasTold(session, from))
      // RFC 6121 §4.3.2 rule 1
      if (!allowed && told.length === 0)
        return [Stanza.build('presence', { type: 'unsubscribed', from: owner, to: from.bare })]
      // RFC 6121 §4.3.2 rule 4
      const answers = told.flatMap(({ presence }) => presence?.readdress(from) ?? [])
      if (answers.length > 0) return answers
      // RFC 6121 §4.3.2 rule 3
      return [Stanza.build('presence', { type: 'unavailable', from: to ?? owner, to: from })]
    })
}

/** RFC 6121 §4.3.2: to the bare address: all resources; to a full one: that resource. */
function isMeant(session: Session, to: JID | undefined): boolean {
  return to === undefined || to.isBare || session.jid.equals(to)
}
