/** XEP-0045 §5: what roles and affiliations allow. */

/** A standing with the room that outlasts a visit: XEP-0045 §5.2. */
export type Affiliation = 'owner' | 'admin' | 'member' | 'none' | 'outcast'

/** What an occupant may do during a visit: XEP-0045 §5.1. */
export type Role = 'moderator' | 'participant' | 'visitor' | 'none'

/** XEP-0045 §5.1.2, "Default Roles Based on Affiliation": the role that somebody enters a room with. */
export function initialRole(affiliation: Affiliation, moderated: boolean): Role {
  switch (affiliation) {
    case 'owner':
    case 'admin':
      return 'moderator'
    case 'member':
      return 'participant'
    case 'none':
      return moderated ? 'visitor' : 'participant'
    case 'outcast':
      return 'none'
  }
}
