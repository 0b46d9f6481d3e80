/** How far members have come in the archive of a room: docs/protocol/groups.md. */
import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Mark, MarkTable, Write } from '../../storage/types.ts'
import type { JID } from '../../xml/jid.ts'
import { isAtLeast } from './privileges.ts'
import type { Affiliate, Room } from './room.ts'

/**
 * `delivered`: a client of the member has it. `read`: the member lets the others know that it is read (XEP-0333). `seen`: only his own clients
 * and the server know that it is (XEP-0490).
 */
const KINDS = ['delivered', 'read', 'seen'] as const
export type MarkKind = (typeof KINDS)[number]

/** The marks of one member. */
export type MarksOf = { readonly [K in MarkKind]?: Mark }

/** In rooms of more members what single ones have read is not told. */
const MOST_TOLD = 256

/** What is known of a user as a member, an admin or an owner; undefined where he is none. */
export function memberIn(room: Room, user: JID): Affiliate | undefined {
  const affiliate = room.affiliates.get(user.bare.toString())
  return affiliate !== undefined && isAtLeast(affiliate.affiliation, 'member') ? affiliate : undefined
}

/** The same; throws the StanzaError `forbidden` where he is none. */
export function requireMember(room: Room, user: JID): Affiliate {
  const member = memberIn(room, user)
  if (member === undefined) throw new StanzaError('forbidden')
  return member
}

/** All members, by bare JID. */
export function membersOf(room: Room): [user: string, member: Affiliate][] {
  return [...room.affiliates].filter(([, { affiliation }]) => isAtLeast(affiliation, 'member'))
}

/** Whether a room has so many members that it is not told what each of them has read. */
export function isLarge(room: Room): boolean {
  return room.affiliates.size > MOST_TOLD && membersOf(room).length > MOST_TOLD
}

/** The marks of members. The owner, in the sense of the storage, is the room; a value is the number of an archived message. */
export class RoomMarks {
  readonly #host: Host
  readonly #table: MarkTable

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table('room-marks', 'mark')
  }

  /** A member has come as far as this message. */
  raise(room: JID, user: JID, kind: MarkKind, number: bigint): Write {
    const mark = { value: number, time: this.#host.clock.now() }
    return this.#table.raise(room, keyOf(user.bare.toString(), kind), mark)
  }

  /** Somebody is a member no more. */
  forget(room: JID, user: string): Write {
    return this.#table.delete(room, ...KINDS.map(kind => keyOf(user, kind)))
  }

  /** How far a member has come, be it that others are not to know. */
  async readBy(room: JID, user: JID): Promise<bigint> {
    const own = user.bare.toString()
    const marks = await Promise.all(
      (['read', 'seen'] as const).map(kind => this.#table.get(room, keyOf(own, kind))),
    )
    return marks.reduce((most, mark) => (mark !== undefined && mark.value > most ? mark.value : most), 0n)
  }

  /** Those of all members, by bare JID. */
  async all(room: JID): Promise<ReadonlyMap<string, MarksOf>> {
    const all = new Map<string, MarksOf>()
    for (const { key, item } of await rowsOf(this.#table, room, 1_000)) {
      const [kind = '', user = ''] = key.split(' ')
      all.set(user, { ...all.get(user), [kind]: item })
    }
    return all
  }
}

/** Bare JIDs have no spaces: RFC 7622 §3.3.1. */
function keyOf(user: string, kind: MarkKind): string {
  return `${kind} ${user}`
}
