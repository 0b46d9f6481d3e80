import type { Host } from '../../core/host.ts'
import type { JID } from '../../xml/jid.ts'
import type { RoomArchive } from './archive.ts'
import type { RoomListener } from './listener.ts'
import type { RoomMarks } from './marks.ts'
import type { Memberships } from './memberships.ts'
import type { OccupantIds } from './occupant-ids.ts'
import type { Rooms } from './rooms.ts'
import type { RoomStore } from './store.ts'

/** Limits by options. */
export interface RoomLimits {
  /** Occupants of a room, whatever its owners say. */
  readonly occupants: number
  /** Occupants of a room from which on only moderators' presence is told. */
  readonly presence: number
  /** Members of a group, its owners and admins among them. */
  readonly group: number
  /** Affiliates of a room. */
  readonly affiliations: number
  /** People whom one user may invite in an hour. */
  readonly invitations: number
  /** People who wait to become members of a room. */
  readonly requests: number
  /** Links by which one becomes a member of a room. */
  readonly links: number
  /** Rooms that one user may own. */
  readonly owned: number
  /** Nicks that one user may have in a room at a time. */
  readonly nicks: number
  /** Who may make rooms. */
  readonly creators: 'users' | 'admins'
}

/** What the files of this folder work with. */
export interface MucParts {
  readonly limits: RoomLimits
  readonly host: Host
  /** The address of the service: `rooms.<host>`. */
  readonly service: JID
  readonly store: RoomStore
  readonly rooms: Rooms
  readonly ids: OccupantIds
  readonly archive: RoomArchive
  readonly marks: RoomMarks
  readonly memberships: Memberships
  /** Whoever of this folder wants to know what happens to rooms. */
  readonly listeners: RoomListener[]
}
