/** RFC 6121 §3, §4: Presence: who is there, and who may know. */
import { StanzaError } from '../../core/errors.ts'
import { defineExtension, type Registrations, stage } from '../../core/extension.ts'
import { then } from '../../core/maybe.ts'
import { option } from '../../core/options.ts'
import type { Session } from '../../core/session.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'
import lastActivity from '../last-activity.ts'
import roster, { subscriptionSends } from '../roster/index.ts'
import { Audience } from './audience.ts'
import { BlockedContacts } from './blocked.ts'
import { Broadcast } from './broadcast.ts'
import { forgetGone, remember, requireRoom, strays, toldBy } from './directed.ts'
import { Introductions } from './introductions.ts'
import { probes } from './probes.ts'
import { Requests } from './requests.ts'
import { refuseStrangers } from './strangers.ts'
import { Subscriptions } from './subscriptions.ts'

/** RFC 6121 §4.7.1: types that are for somebody. */
const ADDRESSED: ReadonlySet<string | undefined> = new Set([
  'subscribe',
  'subscribed',
  'unsubscribe',
  'unsubscribed',
  'probe',
])
/** RFC 6121 §4.7.1: all the others. */
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'unavailable', 'error'])

/** Whom sessions have sent directed presence. */
export interface PresenceTold {
  /** Of a session whose home is this node. */
  toldBy(session: Session): readonly JID[]
}

export default defineExtension({
  name: 'presence',
  doc: 'Subscriptions, and presence to contacts and to where it is directed',
  rfcs: ['RFC 6121 §3', 'RFC 6121 §4'],
  streamFeatures: [['sub', NS.preapproval]],
  requires: [roster],
  options: {
    requests: option.integer({
      doc: 'Most requests for a subscription that wait for the answer of one user',
      default: 500,
      min: 1,
      max: 10_000,
    }),
    'requests-from-strangers': option.boolean({
      doc: 'Whether requests (IQ) to a resource reach it from people with whom it does not share presence',
      default: false,
    }),
  },
  setup(host, options): Registrations<PresenceTold> {
    const rosters = host.use(roster)
    const audience = new Audience(host)
    const requests = new Requests(rosters, options.requests)
    const subscriptions = new Subscriptions(host, rosters, audience, requests)
    const broadcast = new Broadcast(host, rosters, audience, requests)
    const introductions = new Introductions(host, rosters, audience)
    const blocked = new BlockedContacts(host, rosters, audience)
    // XEP-0012 §3, §4: whoever may see a user's presence may know since when he is away. At once where the roster is in memory.
    host
      .find(lastActivity)
      ?.admit((owner, viewer) => then(rosters.subscription(owner, viewer), subscriptionSends))
    return {
      stages: [
        stage('guard', { kind: 'presence', side: 'sender' }, (presence, { session }) => {
          requireType(presence)
          if (session !== undefined) requireRoom(session, presence)
          return undefined
        }),
        stage('guard', { kind: 'presence', side: 'recipient' }, (presence, at) => {
          if (presence.type === 'unavailable' && !at.asked) forgetGone(host, presence, at)
          return presence.type === undefined && strays(host, presence, at) ? 'drop' : undefined
        }),
        stage('guard', { kind: 'message', side: 'recipient' }, (message, at) =>
          strays(host, message, at) ? 'drop' : undefined,
        ),
        ...(options['requests-from-strangers']
          ? []
          : [stage('guard', { kind: 'iq', side: 'recipient' }, refuseStrangers(host, rosters))]),
        // Admitted, and before whoever gets it can say anything.
        stage('record', { kind: 'presence', side: 'sender' }, (presence, { session }) => {
          if (session !== undefined) remember(session, presence)
          return []
        }),
      ],
      presence: [...subscriptions.claims(), probes(host, rosters)],
      on: {
        'session:presence': event => broadcast.changed(event),
        'session:closed': ({ session }) => broadcast.closed(session),
        'roster:removed': ({ owner, contact }) => subscriptions.removed(owner, contact),
        'contacts:blocking': ({ owner, jids }) => blocked.blocking(owner, jids),
        'contacts:unblocked': ({ owner, jids }) => blocked.unblocked(owner, jids),
        'invite:redeemed': ({ inviter, newcomer }) => introductions.introduce(inviter, newcomer),
      },
      atHome: {
        'presence:befriend': (owner, contact) => introductions.befriend(owner, JID.parse(contact)),
        'presence:meet': (owner, contact) => introductions.meet(owner, JID.parse(contact)),
        'presence:welcome': (owner, contact) => introductions.welcome(owner, JID.parse(contact)),
      },
      provides: { toldBy },
    }
  },
})

function requireType({ type, to }: Stanza): void {
  if (ADDRESSED.has(type)) {
    if (to === undefined) throw new StanzaError('bad-request', { text: 'whom is it for?' })
  } else if (!TYPES.has(type)) throw new StanzaError('bad-request', { text: 'unknown type of presence' })
}
