import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { RoomConfig } from './config.ts'
import type { Affiliate, Room } from './room.ts'

/** What other files of this folder want to know of rooms; they add themselves to `MucParts.listeners` at set-up. All of it runs in the lane of the room. */
export interface RoomListener {
  /**
   * Somebody has another standing than before, or another reserved nick: it is stored and `room` has it, occupants are not told yet. `user`
   * is a bare JID, or a domain that is banned or no more; `by` who did it (any JID of his), or the room.
   */
  readonly changed?: (
    room: Room,
    user: JID,
    before: Affiliate | undefined,
    after: Affiliate | undefined,
    by: JID,
    /** Whoever's link he has come by; bare. */
    link?: JID,
  ) => void
  /** The same before it is so: what is to be stored in the same commit. `config`: how the room is configured then. */
  readonly keep?: (
    room: Room,
    config: RoomConfig,
    user: JID,
    before: Affiliate | undefined,
    after: Affiliate | undefined,
    by: JID,
  ) => readonly Write[]
  /** It is to be configured so: what is to be stored in the same commit, ahead of what `keep` gives. */
  readonly keepConfig?: (room: Room, config: RoomConfig, by: JID) => readonly Write[]
  /** A room is configured otherwise than before; it is stored, and occupants are told it before anything else. */
  readonly configured?: (room: Room, before: RoomConfig, by: JID) => void
  /** A room has another picture, or none any more. */
  readonly pictured?: (room: Room, by: JID) => void
  /** A room is gone, with all that was stored of it; `room` still holds what it was, without its occupants. */
  readonly destroyed?: (room: Room) => void
}
