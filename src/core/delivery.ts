import type { Stanza } from '../xml/stanza.ts'
import { StanzaError } from './errors.ts'
import type { StageContext } from './extension.ts'
import type { Owner } from './homes.ts'
import type { Hooks } from './hooks.ts'
import { givenNumber } from './ids.ts'
import { type Maybe, then } from './maybe.ts'
import type { Session } from './session.ts'

/**
 * Hands a stanza to the sessions of an account by RFC 6121 §8.5, and sees to its outcome. Runs in the owner's lane,
 * so the sessions are those of this moment. Throws the StanzaError that answers the sender.
 */
export function deliver(stanza: Stanza, owner: Owner, hooks: Hooks, at: StageContext): Maybe<void> {
  if (stanza.kind === 'iq') return deliverIq(stanza, owner)
  const sessions = messageRecipients(stanza, owner)
  const archived = givenNumber(stanza, owner.jid)
  const late = sessions.some(isCatchingUp) ? sessions.filter(session => waits(session, archived)) : NONE
  const sent = late === NONE ? sessions : sessions.filter(session => !late.includes(session))
  const number = ++owner.messages
  if (archived !== undefined && archived > owner.delivered) owner.delivered = archived
  for (const session of sent) if (!hasBeenHanded(session, archived)) session.send(stanza, number)
  hooks.stages.copy(stanza, at, sessions)
  return then(hooks.stages.outcome(stanza, at, { sent, late }), verdict => {
    if (verdict !== 'kept') for (const session of late) session.send(stanza, number)
    if (sessions.length === 0 && verdict === undefined) undeliverable(stanza)
  })
}

const NONE: readonly Session[] = []

function isCatchingUp(session: Session): boolean {
  return session.catchingUp
}

/** Whether it reaches a session behind older ones. What was committed before these were looked for is none of them. */
function waits({ catchingUp, handed }: Session, archived: bigint | undefined): boolean {
  return catchingUp && (archived === undefined || handed === undefined || archived > handed.after)
}

/** It was committed before, and found in the archive, when the session was handed older messages. */
function hasBeenHanded({ handed }: Session, archived: bigint | undefined): boolean {
  if (archived === undefined || handed === undefined) return false
  return archived > handed.after && archived <= handed.upTo
}

/** Hands presence to the sessions of an account, or to one of them. */
export function deliverPresence(stanza: Stanza, owner: Owner): void {
  const resource = stanza.to?.resource
  // RFC 6121 §8.5.2.1.2, §8.5.2.2.2: to the bare JID: to all available resources, or to nobody.
  if (!resource) for (const session of owner.sessions) session.available && session.send(stanza)
  // RFC 6121 §8.5.3.1, §8.5.3.2.2: to a full JID: to that resource, or silently ignored.
  else owner.session(resource)?.send(stanza)
}

function deliverIq(stanza: Stanza, owner: Owner): void {
  const session = connected(owner, stanza.to?.resource ?? '')
  if (session !== undefined) session.send(stanza)
  // RFC 6121 §8.5.3.2.3: a request to a resource that is not there. A stray answer is ignored.
  else if (stanza.type === 'get' || stanza.type === 'set') throw new StanzaError('service-unavailable')
}

/** The sessions that get a message: RFC 6121 §8.5.2 and §8.5.3. */
function messageRecipients(stanza: Stanza, owner: Owner): readonly Session[] {
  const resource = stanza.to?.resource
  if (resource) {
    const session = connected(owner, resource)
    if (session !== undefined) return [session]
    // RFC 6121 §8.5.3.2.1: only a chat message goes on to the other resources.
    if (stanza.type !== 'chat') return []
  }
  switch (stanza.type) {
    // RFC 6121 §8.5.2.1.1: a groupchat message MUST NOT, an error never needs to, reach the resources of a bare JID.
    case 'groupchat':
    case 'error':
      return []
    default:
      // RFC 6121 §8.5.2.1.1: headline: all non-negative resources. For chat and normal the choice (b): all of them too,
      // since a message should reach each device.
      return reachable(owner)
  }
}

/** Available resources of non-negative priority: a negative one gets nothing sent to the bare JID (RFC 6121 §8.5.2.1.1). */
export function reachable(owner: Owner): readonly Session[] {
  const all = owner.sessions
  for (const session of all) if (!isReachable(session)) return all.filter(isReachable)
  return all
}

function isReachable(session: Session): boolean {
  return session.reachable && !session.lost
}

/** The session with this resource, unless its connection is gone. */
function connected(owner: Owner, resource: string): Session | undefined {
  const session = owner.session(resource)
  return session?.lost ? undefined : session
}

/** RFC 6121 §8.5: nobody gets it. Throws the StanzaError that says so, where one may be said. */
export function undeliverable(stanza: Stanza): void {
  switch (stanza.type) {
    // RFC 6121 §8.5.2.2.1, §8.5.3.2.1: headline and error messages may be, and are, silently ignored.
    case 'headline':
    case 'error':
      return
    default:
      throw new StanzaError('service-unavailable')
  }
}
