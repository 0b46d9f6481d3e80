/** RFC 6121 §4.6: directed presence, to whom a session has said that it is there. */
import { StanzaError } from '../../core/errors.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'

/** Most entities that one session may send directed presence to: each has to be remembered until it ends. */
const MAX_DIRECTED = 1_000

/** Whom a session has sent directed available presence. */
const directed = new SessionFlag<Map<string, JID> | undefined>('directed-presence', undefined, {
  pack: told => [...(told?.keys() ?? [])],
  unpack: told => new Map((told as string[]).map(text => [text, JID.parse(text)])),
})

/** Refuses directed presence to one entity too many. */
export function requireRoom(session: Session, presence: Stanza): void {
  const known = directed.get(session)
  if (presence.to === undefined || presence.type !== undefined || known === undefined) return
  if (known.size >= MAX_DIRECTED && !known.has(presence.to.toString()))
    throw new StanzaError('resource-constraint', {
      text: `directed presence to more than ${MAX_DIRECTED} entities`,
    })
}

/** RFC 6121 §4.6.3: who gets directed presence is remembered, until it gets directed unavailable presence. */
export function remember(session: Session, presence: Stanza): void {
  const { to, type } = presence
  if (to === undefined || type === 'error') return
  let known = directed.get(session)
  if (type === 'unavailable') {
    if (known?.delete(to.toString())) directed.set(session, known)
    return
  }
  known ??= new Map()
  if (known.has(to.toString())) return
  known.set(to.toString(), to)
  directed.set(session, known)
}

/** RFC 6121 §4.6.1: an entity that says that it is gone need not hear any more of the user. */
export function forgetGone(sessions: readonly Session[], { from }: Stanza): void {
  for (const session of sessions) {
    const known = directed.get(session)
    if (known?.delete(from.toString())) directed.set(session, known)
  }
}

/** Whether a session has told an entity, or another one that shares its bare address, such as an occupant of the same room. */
export function sharesWith(session: Session, entity: JID): boolean {
  const known = directed.get(session)
  if (known === undefined) return false
  for (const one of known.values()) if (one.bare.equals(entity.bare)) return true
  return false
}

/** Whether a session has told this entity that it is there. */
export function hasTold(session: Session, entity: JID): boolean {
  const known = directed.get(session)
  return known !== undefined && (known.has(entity.toString()) || known.has(entity.bare.toString()))
}

/** Forgets whom a session has told, or those of them that fit, and gives them: RFC 6121 §4.6.3: they are to hear that it is gone. */
export function takeTold(session: Session, fits: (entity: JID) => boolean = () => true): JID[] {
  const known = directed.get(session)
  if (known === undefined) return []
  const taken = [...known.values()].filter(fits)
  for (const entity of taken) known.delete(entity.toString())
  if (taken.length > 0) directed.set(session, known.size === 0 ? undefined : known)
  return taken
}
