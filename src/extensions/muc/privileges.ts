/** XEP-0045 §5: what roles and affiliations allow, as tables. */

/** A standing with the room that outlasts a visit: XEP-0045 §5.2. */
export type Affiliation = 'owner' | 'admin' | 'member' | 'none' | 'outcast'

/** What an occupant may do during a visit: XEP-0045 §5.1. */
export type Role = 'moderator' | 'participant' | 'visitor' | 'none'

/** XEP-0045 §5.2.1: "affiliations exist in a hierarchy". */
const RANKS: Readonly<Record<Affiliation, number>> = { outcast: 0, none: 1, member: 2, admin: 3, owner: 4 }

/** Whether a text from a request names an affiliation. */
export function isAffiliation(text: string): text is Affiliation {
  return Object.hasOwn(RANKS, text)
}

/** XEP-0045 §5.1.1: "roles exist in a hierarchy". */
const ROLES: Readonly<Record<Role, number>> = { none: 0, visitor: 1, participant: 2, moderator: 3 }

/** Whether a text from a request names a role. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text)
}

/** Whether somebody stands at least as high as this. */
export function isAtLeast(affiliation: Affiliation, least: Affiliation): boolean {
  return RANKS[affiliation] >= RANKS[least]
}

/** XEP-0045 §5.1.2: the role that somebody enters a room with; an outcast does not enter. */
const INITIAL: Readonly<Record<Affiliation, { readonly moderated: Role; readonly unmoderated: Role }>> = {
  owner: { moderated: 'moderator', unmoderated: 'moderator' },
  admin: { moderated: 'moderator', unmoderated: 'moderator' },
  member: { moderated: 'participant', unmoderated: 'participant' },
  none: { moderated: 'visitor', unmoderated: 'participant' },
  outcast: { moderated: 'none', unmoderated: 'none' },
}

/** XEP-0045 §5.1.2, "Default Roles Based on Affiliation": the role that somebody enters a room with. */
export function initialRole(affiliation: Affiliation, moderated: boolean): Role {
  return INITIAL[affiliation][moderated ? 'moderated' : 'unmoderated']
}

/**
 * XEP-0045 §5.1.3, Note: the role of an occupant whose affiliation has changed: he gains what the new one gives, loses what he had as an admin
 * or owner, and otherwise stays what he is.
 */
export function roleAfter(role: Role, before: Affiliation, after: Affiliation, moderated: boolean): Role {
  const given = initialRole(after, moderated)
  if (given === 'none' || (isAtLeast(before, 'admin') && !isAtLeast(after, 'admin'))) return given
  return ROLES[given] > ROLES[role] ? given : role
}

/** What may be done to whom: `forbidden` for what is not among one's rights at all, `not-allowed` for what is, but not to such a one. */
export type Verdict = 'allowed' | 'forbidden' | 'not-allowed'

/** XEP-0045 §5.2.2: who may change one affiliation into another, at least. */
const EDITORS: Readonly<Record<Affiliation, Readonly<Record<Affiliation, 'admin' | 'owner'>>>> = {
  outcast: { outcast: 'admin', none: 'admin', member: 'admin', admin: 'owner', owner: 'owner' },
  none: { outcast: 'admin', none: 'admin', member: 'admin', admin: 'owner', owner: 'owner' },
  member: { outcast: 'admin', none: 'admin', member: 'admin', admin: 'owner', owner: 'owner' },
  admin: { outcast: 'owner', none: 'owner', member: 'owner', admin: 'owner', owner: 'owner' },
  owner: { outcast: 'owner', none: 'owner', member: 'owner', admin: 'owner', owner: 'owner' },
}

/** Whether somebody may change the affiliation of another from `before` to `after`. */
export function mayAffiliate(actor: Affiliation, before: Affiliation, after: Affiliation): Verdict {
  // XEP-0045 §9: "any of the following administrative requests MUST be denied" to others than admins, forbidden.
  if (!isAtLeast(actor, 'admin')) return 'forbidden'
  if (isAtLeast(actor, EDITORS[before][after])) return 'allowed'
  // XEP-0045 §10.8: "If a non-owner attempts to modify the admin list": forbidden. XEP-0045 §9.1: "if an admin attempts to ban an owner": not-allowed.
  return after === 'outcast' ? 'not-allowed' : 'forbidden'
}

/** Somebody in a room. */
export interface Standing {
  readonly affiliation: Affiliation
  readonly role: Role
}

/** XEP-0045 §5.1.3: what one needs, at least, to change one role into another: the role of a moderator, or an affiliation. */
const GRANTORS: Readonly<Record<Exclude<Role, 'none'>, Readonly<Record<Role, 'moderator' | 'admin'>>>> = {
  visitor: { none: 'moderator', visitor: 'moderator', participant: 'moderator', moderator: 'admin' },
  participant: { none: 'moderator', visitor: 'moderator', participant: 'moderator', moderator: 'admin' },
  moderator: { none: 'admin', visitor: 'admin', participant: 'admin', moderator: 'admin' },
}

/** Whether somebody may give the role `role` to another who is in the room; `none` is a kick. */
export function mayGiveRole(actor: Standing, whom: Standing, role: Role): Verdict {
  const isAdmin = isAtLeast(actor.affiliation, 'admin')
  // XEP-0045 §8: "if the <user@host> of the 'from' address of the request does not match [...] one of the moderators": forbidden.
  if (actor.role !== 'moderator' && !isAdmin) return 'forbidden'
  if (whom.role === 'none') return 'not-allowed'
  // XEP-0045 §8.2: "A user cannot be kicked by a moderator with a lower affiliation."
  if (!isAtLeast(actor.affiliation, whom.affiliation)) return 'not-allowed'
  const loses = ROLES[role] < ROLES[whom.role]
  // XEP-0045 §8.4: "a service MUST NOT allow the voice privileges of an admin or owner to be removed by anyone"; XEP-0045 §9.7: nor are they moderators no more.
  if (loses && role !== 'none' && isAtLeast(whom.affiliation, 'admin')) return 'not-allowed'
  // XEP-0045 §8.4: "A moderator MUST NOT be able to revoke voice from a user whose affiliation is at or above the moderator's level"; `none` is no affiliation.
  if (
    role === 'visitor' &&
    loses &&
    whom.affiliation !== 'none' &&
    isAtLeast(whom.affiliation, actor.affiliation)
  )
    return 'not-allowed'
  if (GRANTORS[whom.role][role] === 'moderator' || isAdmin) return 'allowed'
  // Granting what only admins grant is not among the rights of a moderator; a kick of another moderator is, but not of such a one.
  return loses ? 'not-allowed' : 'forbidden'
}
