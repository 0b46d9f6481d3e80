/** XEP-0424: Message Retraction, as far as an archive is concerned. */
import type { StageContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { Session } from '../../core/session.ts'
import type { Archive, ArchiveEntry, Write } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'

/** How many of the newest messages with the same contact are looked through for the one that is retracted: archives know no ids of senders. */
const LOOKED_THROUGH = 2_000
const PAGE = 500

/** Puts tombstones in the place of retracted messages. */
export class Retractions {
  readonly #host: Host
  readonly #archive: Archive

  constructor(host: Host, archive: Archive) {
    this.#host = host
    this.#archive = archive
  }

  /** What is to be stored along with a retraction in one archive: the tombstone, if it finds the message. */
  async writes(retraction: Stanza, at: StageContext, peer: JID): Promise<readonly Write[]> {
    const id: unknown = retraction.child('retract', NS.retraction)?.attrs.id
    if (typeof id !== 'string' || id === '') return []
    // The message may be on its way to the storage just before its retraction.
    if (at.session !== undefined) await at.session.settling.idle()
    else if (at.sender instanceof Session) await at.sender.settling.idle()
    const found = await this.#find(retraction, id, at.owner, peer.bare)
    if (found === undefined) return []
    return [
      this.#archive.replace(at.owner, found.entry.id, this.#tombstone(found.message, retraction).pack()),
    ]
  }

  async #find(
    retraction: Stanza,
    id: string,
    owner: JID,
    peer: JID,
  ): Promise<{ entry: ArchiveEntry; message: Stanza } | undefined> {
    let before: bigint | undefined
    for (let seen = 0; seen < LOOKED_THROUGH; seen += PAGE) {
      const place = before === undefined ? {} : { before }
      const { items, more } = await this.#archive.page(owner, { peer, reverse: true, limit: PAGE, ...place })
      for (const entry of items) {
        const message = Stanza.unpack(Buffer.from(entry.payload))
        // XEP-0424 §5: only who has written a message can retract it.
        if (message.id === id && message.from.bare.equals(retraction.from.bare)) return { entry, message }
      }
      before = items.at(-1)?.id
      if (!more) return undefined
    }
    return undefined
  }

  /** XEP-0424 §4: what is left of a message. */
  #tombstone({ from, to, type, id }: Stanza, retraction: Stanza): Stanza {
    const stamp = dateTime(this.#host.clock.now())
    const retracted = xml('retracted', { xmlns: NS.retraction, id: retraction.id ?? '', stamp })
    return Stanza.build('message', { from, to, type, id }, retracted)
  }
}
