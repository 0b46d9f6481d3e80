/** XEP-0421: Occupant identifiers. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Host } from '../../core/host.ts'
import type { Maybe } from '../../core/maybe.ts'
import type { CasTable } from '../../storage/types.ts'
import { type Element, xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'

const KEY_BYTES = 32
/** Characters of `OccupantIds.tag`. */
export const TAG_LENGTH = 22

/** Tells occupants apart for ever, without saying who they are: a keyed hash of the room and the real bare JID. */
export class OccupantIds {
  readonly #host: Host
  readonly #table: CasTable<string>
  #key: Buffer | undefined

  constructor(host: Host) {
    this.#host = host
    this.#table = host.storage.table<string>('occupant-ids', 'cas')
  }

  /** Reads the key of the host, or makes it; nothing is asked for before. */
  ready(): Maybe<undefined> {
    return this.#key === undefined ? this.#open() : undefined
  }

  async #open(): Promise<undefined> {
    const make = (old: string | undefined): string => old ?? randomBytes(KEY_BYTES).toString('base64')
    const text = await this.#table.update(this.#host.jid, 'key', make)
    this.#key = Buffer.from(text ?? '', 'base64')
    return undefined
  }

  /** Stands for a session that asks somebody under a nick, in the id of the request that is handed on: says nothing to others, nobody can make one. */
  tag(room: JID, session: JID, nick: string): string {
    return this.#hash(`${room.bare}\n${session}\n${nick}`).slice(0, TAG_LENGTH)
  }

  /** XEP-0421 §3.1: the same for all sessions of a user in a room, another one in another room. */
  of(room: JID, user: JID): string {
    return this.#hash(`${room.bare}\n${user.bare}`)
  }

  /** No address holds a line break: RFC 7622 §3. */
  #hash(text: string): string {
    if (this.#key === undefined) throw new Error('the key of occupant ids has not been read')
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

/** XEP-0421 §3 */
export function occupantId(id: string): Element {
  return xml('occupant-id', { xmlns: NS.occupantId, id })
}
