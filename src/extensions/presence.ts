/** RFC 6121 §4: Presence among a user's own resources, and directed presence. Contacts come with the roster. */
import { StanzaError } from '../core/errors.ts'
import { defineExtension, type Events, stage } from '../core/extension.ts'
import type { Host } from '../core/host.ts'
import { type Session, SessionFlag } from '../core/session.ts'
import type { JID } from '../xml/jid.ts'
import { Stanza } from '../xml/stanza.ts'

/** RFC 6121 §3, §4.3: types that only make sense with contacts. */
const OF_CONTACTS: ReadonlySet<string | undefined> = new Set([
  'subscribe',
  'subscribed',
  'unsubscribe',
  'unsubscribed',
  'probe',
])
/** RFC 6121 §4.7.1: all the others. */
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'unavailable', 'error'])

/** Most entities that one session may send directed presence to: each has to be remembered until it ends. */
const MAX_DIRECTED = 1_000

/** Whom a session has sent directed available presence: RFC 6121 §4.6.3. */
const directed = new SessionFlag<Map<string, JID> | undefined>(undefined)

export default defineExtension({
  name: 'presence',
  doc: "Tells a user's resources of each other; presence to others only where it is directed",
  rfcs: ['RFC 6121 §4.2', 'RFC 6121 §4.4', 'RFC 6121 §4.5', 'RFC 6121 §4.6'],
  setup: host => ({
    stages: [
      stage('guard', { kind: 'presence', side: 'sender' }, (presence, { session }) => {
        if (OF_CONTACTS.has(presence.type))
          throw new StanzaError('feature-not-implemented', { text: 'this server keeps no contacts yet' })
        if (!TYPES.has(presence.type))
          throw new StanzaError('bad-request', { text: 'unknown type of presence' })
        if (session !== undefined) requireRoom(session, presence)
        return undefined
      }),
      stage('guard', { kind: 'presence', side: 'recipient' }, presence =>
        OF_CONTACTS.has(presence.type) ? 'drop' : undefined,
      ),
      stage('copy', { kind: 'presence', side: 'sender' }, (presence, { session }) => {
        if (session !== undefined) remember(session, presence)
      }),
    ],
    on: {
      'session:presence': event => broadcast(host, event),
      'session:closed': ({ session }) => {
        const unavailable = unavailableFrom(session, session.jid.bare)
        if (session.available) sendToOwn(host, session, unavailable)
        depart(host, session, unavailable)
      },
    },
  }),
})

function broadcast(host: Host, { session, presence, before }: Events['session:presence']): void {
  const own = presence.with({ to: session.jid.bare })
  // RFC 6121 §4.2.2, §4.4.2, §4.5.2: to all of the user's available resources, including the one it comes from.
  if (session.available || before.available) {
    session.send(own)
    sendToOwn(host, session, own)
  }
  if (!session.available) depart(host, session, own)
  // A new resource learns of those that are there already, as of contacts it is subscribed to (RFC 6121 §4.2.2, §4.3).
  else if (!before.available)
    for (const other of host.sessions(session.jid))
      if (other !== session && other.presence !== undefined)
        session.send(other.presence.with({ to: session.jid.bare }))
}

/** Sends presence of a session to the other available resources of its user. */
function sendToOwn(host: Host, session: Session, presence: Stanza): void {
  for (const other of host.sessions(session.jid))
    if (other !== session && other.available) other.send(presence)
}

function requireRoom(session: Session, presence: Stanza): void {
  const known = directed.get(session)
  if (presence.to === undefined || presence.type !== undefined || known === undefined) return
  if (known.size >= MAX_DIRECTED && !known.has(presence.to.toString()))
    throw new StanzaError('resource-constraint', {
      text: `directed presence to more than ${MAX_DIRECTED} entities`,
    })
}

/** RFC 6121 §4.6.3: who gets directed presence is remembered, until it gets directed unavailable presence. */
function remember(session: Session, presence: Stanza): void {
  const to = presence.to
  if (to === undefined || presence.type === 'error') return
  let known = directed.get(session)
  if (presence.type === 'unavailable') known?.delete(to.toString())
  else {
    if (known === undefined) {
      known = new Map()
      directed.set(session, known)
    }
    known.set(to.toString(), to)
  }
}

/** RFC 6121 §4.6.3: a session that becomes unavailable does so for those it sent directed presence, too. */
function depart(host: Host, session: Session, unavailable: Stanza): void {
  const known = directed.get(session)
  if (known === undefined) return
  directed.set(session, undefined)
  for (const to of known.values()) host.router.route(unavailable.with({ to }))
}

function unavailableFrom(session: Session, to: JID): Stanza {
  return Stanza.build('presence', { type: 'unavailable', from: session.jid, to })
}
