/** XEP-0424: Message Retraction, as far as an archive is concerned. */
import { createHash } from 'node:crypto'
import { commit } from '../../core/commit.ts'
import type { StageContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { Lane } from '../../core/lane.ts'
import {
  archivedStanza,
  archivePages,
  bytesOfId,
  findNewest,
  ownersAtHome,
  pagesOf,
} from '../../core/pages.ts'
import { Session } from '../../core/session.ts'
import type { Archive, ArchiveEntry, Table, Write } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'

/** Which message of a conversation is retracted, by whom and how. As JSON. */
interface Retracted {
  readonly peer: string
  /** Both bare JIDs. */
  readonly author: string
  /** The `id` of the message. */
  readonly id: string
  /** The `id` of the retraction. */
  readonly by: string
  /** When it came, ms since 1970. */
  readonly time: number
}

/** Newest items of a conversation that are looked through while the sender waits: nearly always it is among them. */
const AT_ONCE = 200
/** Retractions of one account whose message is being looked for. */
const MOST = 100

/**
 * Puts tombstones in the place of retracted messages: of newer ones in the commit of the retraction. What lies further back is looked for
 * beside all lanes, one at a time; that this is to be done is stored with the retraction, so it is done after a crash, too.
 */
export class Retractions {
  readonly #host: Host
  readonly #archive: Archive
  readonly #table: Table<Retracted>
  readonly #searches = new Lane()

  constructor(host: Host, archive: Archive) {
    this.#host = host
    this.#archive = archive
    this.#table = host.storage.table<Retracted>('retractions', 'lww')
  }

  /** What is to be stored along with a retraction in one archive: the tombstone, or that its place is to be looked for. */
  async writes(retraction: Stanza, at: StageContext, peer: JID): Promise<readonly Write[]> {
    const id: unknown = retraction.child('retract', NS.retraction)?.attrs.id
    if (typeof id !== 'string' || id === '') return []
    const retracted: Retracted = {
      peer: peer.bare.toString(),
      author: retraction.from.bare.toString(),
      id,
      by: retraction.id ?? '',
      time: this.#host.clock.now(),
    }
    // The message may be on its way to the storage just before its retraction.
    if (at.session !== undefined) await at.session.settled()
    else if (at.sender instanceof Session) await at.sender.settled()
    const newest = { peer: peer.bare, reverse: true, limit: AT_ONCE }
    const { items, more } = await this.#archive.page(at.owner, newest)
    if (items.some(entry => isMeant(entry, retracted))) {
      const all = items.filter(entry => isMeant(entry, retracted) || corrects(entry, retracted))
      return all.flatMap(entry => this.#replaced(at.owner, entry, retracted))
    }
    if (!more || (await this.#table.page(at.owner, {}, MOST)).items.length >= MOST) return []
    return [this.#table.put(at.owner, keyOf(retracted), retracted)]
  }

  /** A retraction is stored: looks for its message, if that is yet to be found. */
  carryOn(owner: JID): void {
    this.#host.background.run(
      'archive',
      this.#searches.run(() => this.#search(owner)),
    )
  }

  /** Carries on with what the last process has left. */
  async takeUp(): Promise<void> {
    for await (const owners of ownersAtHome(this.#host, this.#table))
      for (const owner of owners) this.carryOn(owner)
  }

  async #search(owner: JID): Promise<void> {
    for await (const { items } of pagesOf(this.#table, owner))
      for (const { key, item } of items) {
        const query = { peer: JID.parse(item.peer), containing: [bytesOfId(item.id)] }
        const found = await findNewest(this.#archive, owner, query, entry => isMeant(entry, item))
        const all = found === undefined ? [] : [found, ...(await this.#corrections(owner, found.id, item))]
        const replaced = all.flatMap(entry => this.#replaced(owner, entry, item))
        await commit(this.#host.storage, [...replaced, this.#table.delete(owner, key)], this.#host.log)
      }
  }

  /** All that corrects a message, which comes after it. */
  async #corrections(owner: JID, message: bigint, retracted: Retracted): Promise<readonly ArchiveEntry[]> {
    const query = {
      peer: JID.parse(retracted.peer),
      containing: [Buffer.from(NS.correction)],
      limit: AT_ONCE,
    }
    const found: ArchiveEntry[] = []
    for await (const items of archivePages(this.#archive, owner, { ...query, after: message }))
      found.push(...items.filter(entry => corrects(entry, retracted)))
    return found
  }

  #replaced(owner: JID, found: ArchiveEntry, retracted: Retracted): readonly Write[] {
    const message = archivedStanza(found)
    // It was retracted before.
    if (message.has('retracted', NS.retraction)) return []
    return [this.#archive.replace(owner, found.id, tombstone(message, retracted).pack())]
  }
}

/** XEP-0424 §5: only who has written a message can retract it. */
function isMeant(entry: ArchiveEntry, { id, author }: Retracted): boolean {
  const message = archivedStanza(entry)
  return message.id === id && message.from.bare.toString() === author
}

/** XEP-0424 §4: a correction (XEP-0308) of the message says what that has said, or nearly. It goes, too. */
function corrects(entry: ArchiveEntry, { id, author }: Retracted): boolean {
  const message = archivedStanza(entry)
  return message.child('replace', NS.correction)?.attrs.id === id && message.from.bare.toString() === author
}

/** XEP-0424 §4: what is left of a message. */
function tombstone({ from, to, type, id }: Stanza, { by, time }: Retracted): Stanza {
  const retracted = xml('retracted', { xmlns: NS.retraction, id: by, stamp: dateTime(time) })
  return Stanza.build('message', { from, to, type, id }, retracted)
}

/** Ids may be longer than keys. */
function keyOf({ peer, author, id }: Retracted): string {
  return createHash('sha256')
    .update(JSON.stringify([peer, author, id]))
    .digest('base64url')
}
