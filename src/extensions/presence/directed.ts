/** RFC 6121 §4.6: directed presence, to whom a session has said that it is there. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { type Session, SessionFlag } from '../../core/session.ts'
import type { StageContext } from '../../core/stage.ts'
import { JID, JIDError } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'

/** Most entities that one session may send directed presence to: each has to be remembered until it ends. */
const MAX_DIRECTED = 1_000

/** Rooms that a session may be leaving at a time and still hear. */
const MAX_LEAVING = 100

/** Whom a session has sent directed available presence: by bare address, since many ask about a room, whatever the nick. */
class Told {
  readonly #byBare = new Map<string, Map<string, JID>>()
  /** Those that were told of the end and have not answered, by bare address, the latest last. */
  readonly #leaving = new Map<string, JID>()
  size = 0

  static of(entities: readonly JID[]): Told {
    const told = new Told()
    for (const entity of entities) told.add(entity)
    return told
  }

  *[Symbol.iterator](): Generator<JID> {
    for (const entities of this.#byBare.values()) yield* entities.values()
  }

  has(entity: JID): boolean {
    return this.#byBare.get(entity.bare.toString())?.has(entity.resource) ?? false
  }

  /** The entity, or another one that shares its bare address. */
  hasAny(entity: JID): boolean {
    return this.#byBare.has(entity.bare.toString())
  }

  add(entity: JID): void {
    const key = entity.bare.toString()
    this.#leaving.delete(key)
    const known = this.#byBare.get(key) ?? new Map<string, JID>()
    this.#byBare.set(key, known)
    if (!known.has(entity.resource)) this.size++
    known.set(entity.resource, entity)
  }

  /** A room still says what was said before it learns of that; it answers. Gives whether it had been told. */
  leave(entity: JID): boolean {
    if (!this.delete(entity)) return false
    if (this.hasAny(entity)) return true
    this.#leaving.set(entity.bare.toString(), entity)
    const [first] = this.#leaving.keys()
    if (this.#leaving.size > MAX_LEAVING) this.#leaving.delete(first!)
    return true
  }

  isLeaving(entity: JID): boolean {
    return this.#leaving.has(entity.bare.toString())
  }

  /** Gives whether it was there. */
  delete(entity: JID): boolean {
    const key = entity.bare.toString()
    if (this.#leaving.get(key)?.equals(entity)) this.#leaving.delete(key)
    const known = this.#byBare.get(key)
    if (known?.delete(entity.resource) !== true) return false
    if (known.size === 0) this.#byBare.delete(key)
    this.size--
    return true
  }
}

const directed = new SessionFlag<Told | undefined>('directed-presence', undefined, {
  pack: told => [...(told ?? [])].map(String),
  unpack: told => Told.of((told as string[]).map(text => JID.parse(text))),
})

/** Refuses directed presence to one entity too many. */
export function requireRoom(session: Session, presence: Stanza): void {
  const known = directed.get(session)
  if (presence.to === undefined || presence.type !== undefined || known === undefined) return
  if (known.size >= MAX_DIRECTED && !known.has(presence.to))
    throw new StanzaError('resource-constraint', {
      text: `directed presence to more than ${MAX_DIRECTED} entities`,
    })
}

/** RFC 6121 §4.6.3: who gets directed presence is remembered, until it gets directed unavailable presence. */
export function remember(session: Session, presence: Stanza): void {
  const { to, type } = presence
  if (to === undefined || type === 'error') return
  if (type === 'unavailable') {
    const known = directed.get(session)
    if (known?.leave(to)) directed.set(session, known)
    return
  }
  add(session, to)
}

function add(session: Session, entity: JID): void {
  const known = directed.get(session) ?? new Told()
  if (known.has(entity)) return
  known.add(entity)
  directed.set(session, known)
}

/** Gives whether it had been told. */
function forget(session: Session, entity: JID): boolean {
  const known = directed.get(session)
  if (known?.delete(entity) !== true) return false
  directed.set(session, known)
  return true
}

/** RFC 6121 §4.6.1: an entity that says to a session, or to all of an account, that it is gone need not hear any more of them. */
export function forgetGone(host: Host, presence: Stanza, { owner, told }: StageContext): void {
  const { from, to } = presence
  const sessions = told === undefined ? host.sessions(owner) : [told]
  for (const session of sessions) {
    const isMeant = told !== undefined || to === undefined || to.isBare || to.equals(session.jid)
    if (!isMeant || !forget(session, from)) continue
    const next = nextAddress(presence)
    if (next !== undefined) add(session, next)
  }
}

/** XEP-0045 §7.6: where an occupant is who is gone under one nick and there under another: all of his sessions, whichever has changed it. */
function nextAddress(presence: Stanza): JID | undefined {
  const x = presence.child('x', NS.roomUser)
  if (!x?.getChildren('status').some(({ attrs }) => attrs.code === '303')) return undefined
  try {
    return presence.from.withResource(String(x.getChild('item')?.attrs.nick ?? ''))
  } catch (error) {
    // What another server calls a nick.
    if (error instanceof JIDError) return undefined
    throw error
  }
}

/**
 * Whether a room says something to a session that has not entered it: one that had the same address before has died with its node, and nobody could
 * tell the room. Now it is told.
 */
export function strays(host: Host, { from, type }: Stanza, { told }: StageContext): boolean {
  if (told === undefined || type === 'error' || sharesWith(told, from)) return false
  if (directed.get(told)?.isLeaving(from)) return false
  host.router.route(Stanza.build('presence', { from: told.jid, to: from, type: 'unavailable' }))
  return true
}

/** All that a session has told. */
export function toldBy(session: Session): readonly JID[] {
  return [...(directed.get(session) ?? [])]
}

/** Whether a session has told an entity, or another one that shares its bare address, such as an occupant of the same room. */
export function sharesWith(session: Session, entity: JID): boolean {
  return directed.get(session)?.hasAny(entity) ?? false
}

/** Whether a session has told this entity that it is there. */
export function hasTold(session: Session, entity: JID): boolean {
  const known = directed.get(session)
  return known !== undefined && (known.has(entity) || known.has(entity.bare))
}

/** Forgets whom a session has told, or those of them that fit, and gives them: RFC 6121 §4.6.3: they are to hear that it is gone. */
export function takeTold(session: Session, fits: (entity: JID) => boolean = () => true): JID[] {
  const known = directed.get(session)
  if (known === undefined) return []
  const taken = [...known].filter(fits)
  for (const entity of taken) known.delete(entity)
  if (taken.length > 0) directed.set(session, known.size === 0 ? undefined : known)
  return taken
}
