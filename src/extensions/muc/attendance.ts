/** Who is in a room when its home becomes another one: because the nodes have divided up their work anew, or since one has died. */
import { commit } from '../../core/commit.ts'
import type { Host } from '../../core/host.ts'
import { attempt } from '../../core/maybe.ts'
import { rowsOf } from '../../core/pages.ts'
import type { Table } from '../../storage/types.ts'
import { JID } from '../../xml/jid.ts'
import { Stanza } from '../../xml/stanza.ts'
import type { Occupant } from './occupant.ts'
import type { Role } from './privileges.ts'
import type { Room } from './room.ts'

/** One session of an occupant, as JSON. */
export interface Attending {
  readonly jid: string
  readonly nick: string
  readonly role: Role
  /** XEP-0421 */
  readonly id: string
  /** Others are not told of him. */
  readonly hidden?: boolean
  /** Packed, as base64. */
  readonly presence: string
}

/**
 * Of rooms whose home is this node. What goes in order takes its occupants along; for the other case they are stored, but where this process is
 * alone: then they are gone with it.
 */
export class Attendance {
  readonly #host: Host
  /** By full JID. The owner is the room. */
  readonly #table: Table<Attending>
  /** Of rooms that came from another home and have not been asked for yet. */
  readonly #arrived = new Map<string, readonly Attending[]>()
  /** Sessions that have come or gone and are to be stored. */
  readonly #news = new Map<Room, Set<string>>()

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<Attending>('room-occupants', 'lww')
  }

  /** Rooms that came with occupants and are not in memory. */
  get arrived(): Iterable<string> {
    return this.#arrived.keys()
  }

  /** What the next home is to know. */
  pack(jid: JID, room: Room | undefined): readonly Attending[] | undefined {
    if (room === undefined) return this.#arrived.get(jid.toString())
    return room.size === 0 ? undefined : [...room.occupants].flatMap(attending)
  }

  unpack(jid: JID, packed: readonly Attending[]): void {
    this.#arrived.set(jid.toString(), packed)
  }

  /** The home of these rooms is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const key of this.#arrived.keys()) if (which(key)) this.#arrived.delete(key)
  }

  /** Puts those into a room that has just been read who were in it at its former home. Gives whether that has died. */
  async restore(room: Room): Promise<boolean> {
    const key = room.jid.toString()
    const packed = this.#arrived.get(key)
    this.#arrived.delete(key)
    const isLone = this.#host.router.cluster.alone
    const rows = packed === undefined && !isLone ? await rowsOf(this.#table, room.jid) : []
    for (const one of packed ?? rows.map(({ item }) => item)) enter(room, one)
    if (!isLone) room.watch = session => this.#note(room, session)
    return rows.length > 0
  }

  #note(room: Room, session: string): void {
    if (this.#news.size === 0) queueMicrotask(() => this.#store())
    const known = this.#news.get(room)
    if (known === undefined) this.#news.set(room, new Set([session]))
    else known.add(session)
  }

  #store(): void {
    const { background, storage, log } = this.#host
    const news = [...this.#news]
    this.#news.clear()
    for (const [room, sessions] of news) {
      const writes = [...sessions].map(session => {
        const occupant = room.occupant(JID.parse(session))
        const now = occupant && attending(occupant).find(({ jid }) => jid === session)
        return now === undefined
          ? this.#table.delete(room.jid, session)
          : this.#table.put(room.jid, session, now)
      })
      // Whoever is missing here after a crash has to enter again: no reason to refuse him now.
      background.run(
        'muc',
        attempt(
          () => commit(storage, writes, log),
          () => undefined,
        ),
      )
    }
  }
}

function attending({ nick, role, id, hidden, sessions }: Occupant): Attending[] {
  return [...sessions].map(([jid, { presence }]) => ({
    jid,
    nick,
    role,
    id,
    ...(hidden && { hidden }),
    presence: presence.pack().toString('base64'),
  }))
}

function enter(room: Room, { jid: text, nick, role, id, hidden, presence: packed }: Attending): void {
  const jid = JID.parse(text)
  const occupant = room.withNick(nick) ?? {
    nick,
    user: jid.bare,
    role,
    id,
    ...(hidden && { hidden }),
    sessions: new Map(),
  }
  room.enter(occupant, jid, { jid, presence: Stanza.unpack(Buffer.from(packed, 'base64')) })
}
