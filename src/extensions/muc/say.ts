/** What a room says to all: stored, then told. */
import { commit } from '../../core/commit.ts'
import { isPromise, type Maybe, then } from '../../core/maybe.ts'
import type { Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import type { Stanza } from '../../xml/stanza.ts'
import type { MucParts } from './parts.ts'
import type { Room } from './room.ts'

/** A message of a room, or of one of its occupants. */
export interface Saying {
  /** As all occupants get it; without `to`. */
  readonly message: Stanza
  /** Real address of whom it comes from; the room itself. */
  readonly by: JID
  /** What the archive keeps of it; undefined for nothing. Rooms without archive keep nothing. */
  readonly kept: Stanza | undefined
  /** Whether it is something new to read. */
  readonly unread?: boolean
  /** How it is known when it is said again: see `Unique`. */
  readonly key?: string | undefined
  /** What is stored with it. */
  readonly writes?: readonly Write[]
  /** What changes once it is stored, before it is told. */
  readonly stored?: () => void
  /** What is done once it is told for the first time; with what was told, and its number in the archive. */
  readonly after?: (message: Stanza, number: bigint) => void
}

/**
 * Stores what a room says and tells it to all who are there now, in the order of the archive. In the lane of the room, which does not wait for
 * the storage: many messages are one commit. Settles when it is told; rejects with the StanzaError of a commit that failed.
 */
export function say({ host, archive }: MucParts, room: Room, saying: Saying): Maybe<void> {
  const { message, by, kept, unread = false, key, writes = [], stored, after } = saying
  const { audience, jid, config } = room
  const append =
    kept === undefined || !config.archived ? undefined : archive.append(jid, kept, by, unread, key)
  const all = append === undefined ? writes : [...writes, append]
  const committed = commit(host.storage, all, host.log)
  // Looked at when its turn comes: it is no unhandled rejection until then.
  if (isPromise(committed)) committed.catch(() => undefined)
  return room.tell(() =>
    then(committed, () => {
      stored?.()
      // ARCHITECTURE §7: what is there already is for whoever sends it again, and for nobody else.
      const to = append?.repeated ? [by] : audience
      const ids = append === undefined ? undefined : [host.ids.idOf(jid, append)]
      const whole = message.with({ ids })
      host.router.tellMany(whole, to, by)
      if (append !== undefined && !append.repeated) after?.(whole, append.id)
    }),
  )
}
