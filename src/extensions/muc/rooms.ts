import { StanzaError } from '../../core/errors.ts'
import type { JID } from '../../xml/jid.ts'
import type { Attendance, Attending } from './attendance.ts'
import type { Room } from './room.ts'
import type { RoomStore } from './store.ts'

/** Rooms in memory from which on empty ones are put away. */
const MANY = 5_000

/** Told of rooms that come into memory, in their lanes. */
interface RoomsListener {
  /** One has been read. */
  read(room: Room): void
  /** The same of one whose former home has died, before it is in memory; what it rejects with, whoever asks for the room gets. */
  takenOver(room: Room): Promise<void>
}

/** The rooms whose home is this node and that are in memory: those that somebody is in or has asked about. */
export class Rooms {
  readonly #store: RoomStore
  readonly #attendance: Attendance
  readonly #rooms = new Map<string, Room>()
  /** Whoever asks for one that is being read gets that: a room is one. */
  readonly #reading = new Map<string, Promise<Room | undefined>>()
  readonly #told: RoomsListener

  constructor(store: RoomStore, attendance: Attendance, told: RoomsListener) {
    this.#store = store
    this.#attendance = attendance
    this.#told = told
  }

  /** The room, if it is in memory. */
  loaded(jid: JID): Room | undefined {
    return this.#rooms.get(jid.bare.toString())
  }

  /** The room, or undefined if there is none. In its lane. */
  async find(jid: JID): Promise<Room | undefined> {
    const loaded = this.loaded(jid)
    if (loaded !== undefined) return loaded
    const key = jid.bare.toString()
    const reading = this.#reading.get(key) ?? this.#read(jid.bare).finally(() => this.#reading.delete(key))
    this.#reading.set(key, reading)
    return reading
  }

  async #read(jid: JID): Promise<Room | undefined> {
    const room = await this.#store.read(jid)
    if (room === undefined) return undefined
    if (await this.#attendance.restore(room)) await this.#told.takenOver(room)
    this.#keep(room)
    this.#told.read(room)
    return room
  }

  /** The same; throws the StanzaError `item-not-found` if there is none. In its lane. */
  async get(jid: JID): Promise<Room> {
    const room = await this.find(jid)
    if (room === undefined) throw new StanzaError('item-not-found')
    return room
  }

  /** A room has been made. */
  async add(room: Room): Promise<void> {
    await this.#attendance.restore(room)
    this.#keep(room)
  }

  #keep(room: Room): void {
    if (this.#rooms.size >= MANY)
      for (const [key, { size }] of this.#rooms) if (size === 0) this.#rooms.delete(key)
    this.#rooms.set(room.jid.toString(), room)
  }

  /** A room is gone. */
  delete(room: Room): void {
    this.#rooms.delete(room.jid.toString())
  }

  /** Those that have occupants. */
  get occupied(): readonly string[] {
    const here = [...this.#rooms].filter(([, { size }]) => size > 0).map(([key]) => key)
    return [...here, ...this.#attendance.arrived]
  }

  /** Who is in a room, for its next home. */
  pack(jid: JID): readonly Attending[] | undefined {
    return this.#attendance.pack(jid, this.loaded(jid))
  }

  unpack(jid: JID, packed: readonly Attending[]): void {
    this.#attendance.unpack(jid, packed)
  }

  /** The home of these rooms is another node, or has been. */
  drop(which: (owner: string) => boolean): void {
    this.#attendance.drop(which)
    for (const key of this.#rooms.keys()) if (which(key)) this.#rooms.delete(key)
  }
}
