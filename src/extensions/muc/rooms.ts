import { StanzaError } from '../../core/errors.ts'
import type { JID } from '../../xml/jid.ts'
import type { Room } from './room.ts'
import type { RoomStore } from './store.ts'

/** The rooms whose home is this node and that are in memory: those that somebody is in or has asked about. */
export class Rooms {
  readonly #store: RoomStore
  readonly #rooms = new Map<string, Room>()

  constructor(store: RoomStore) {
    this.#store = store
  }

  /** The room, if it is in memory. */
  loaded(jid: JID): Room | undefined {
    return this.#rooms.get(jid.bare.toString())
  }

  /** The room, or undefined if there is none. In its lane. */
  async find(jid: JID): Promise<Room | undefined> {
    const loaded = this.loaded(jid)
    if (loaded !== undefined) return loaded
    const room = await this.#store.read(jid.bare)
    if (room !== undefined) this.add(room)
    return room
  }

  /** The same; throws the StanzaError `item-not-found` if there is none. In its lane. */
  async get(jid: JID): Promise<Room> {
    const room = await this.find(jid)
    if (room === undefined) throw new StanzaError('item-not-found')
    return room
  }

  /** A room has been made. */
  add(room: Room): void {
    this.#rooms.set(room.jid.toString(), room)
  }

  /** A room is gone. */
  delete(room: Room): void {
    this.#rooms.delete(room.jid.toString())
  }

  /** The home of these rooms is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    for (const key of this.#rooms.keys()) if (which(key)) this.#rooms.delete(key)
  }
}
