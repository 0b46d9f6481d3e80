/** XEP-0045 §5.1: roles across visits: "An implementation MAY persist roles across visits and SHOULD do so for moderated rooms". */
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { MucParts } from './parts.ts'
import { type Affiliation, initialRole, isAtLeast, type Role } from './privileges.ts'
import type { Room } from './room.ts'

/** The role that somebody enters with: the one that moderators gave him, or what his affiliation gives. */
export function entryRole(room: Room, user: JID): Role {
  const affiliation = room.affiliation(user)
  const usual = initialRole(affiliation, room.config.moderated)
  return isHigh(affiliation) ? usual : (room.roles.get(user.bare.toString()) ?? usual)
}

/** Moderators by affiliation are that at each visit. */
function isHigh(affiliation: Affiliation): boolean {
  return isAtLeast(affiliation, 'admin')
}

/** A change of what is remembered: stored with the rest, then done. */
export interface Memory {
  readonly writes: readonly Write[]
  readonly apply: () => void
}

/** Remembers that somebody has voice, or has none, where this is not what he enters with anyway. Moderators for a visit are not remembered. */
export function remembered({ store, limits }: MucParts, room: Room, user: JID, role: Role): Memory {
  const key = user.bare.toString()
  const usual = initialRole(room.affiliation(user), room.config.moderated)
  const isKept = role === 'visitor' || role === 'participant'
  const isFull = room.roles.size >= limits.affiliations && !room.roles.has(key)
  if (role === 'none' || (isKept && role !== usual && isFull)) return { writes: [], apply: () => undefined }
  if (!isKept || role === usual) return forgotten(store, room, [key])
  return { writes: [store.role(room.jid, key, role)], apply: () => void room.roles.set(key, role) }
}

/** Forgets it of these users (bare JIDs' texts). */
export function forgotten(store: MucParts['store'], room: Room, users: Iterable<string>): Memory {
  const known = [...users].filter(user => room.roles.has(user))
  return {
    writes: known.map(user => store.role(room.jid, user, undefined)),
    apply: () => {
      for (const user of known) room.roles.delete(user)
    },
  }
}
