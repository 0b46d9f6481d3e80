/** XEP-0424: Message Retraction, as far as an archive is concerned. */
import type { StageContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { findNewest } from '../../core/pages.ts'
import { Session } from '../../core/session.ts'
import type { Archive, ArchiveEntry, Write } from '../../storage/types.ts'
import { dateTime } from '../../xml/delay.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { Stanza } from '../../xml/stanza.ts'

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
    const found = await findNewest(this.#archive, at.owner, { peer: peer.bare }, entry => {
      const message = messageIn(entry)
      // XEP-0424 §5: only who has written a message can retract it.
      return message.id === id && message.from.bare.equals(retraction.from.bare)
    })
    if (found === undefined) return []
    const tombstone = this.#tombstone(messageIn(found), retraction)
    return [this.#archive.replace(at.owner, found.id, tombstone.pack())]
  }

  /** XEP-0424 §4: what is left of a message. */
  #tombstone({ from, to, type, id }: Stanza, retraction: Stanza): Stanza {
    const stamp = dateTime(this.#host.clock.now())
    const retracted = xml('retracted', { xmlns: NS.retraction, id: retraction.id ?? '', stamp })
    return Stanza.build('message', { from, to, type, id }, retracted)
  }
}

function messageIn({ payload }: ArchiveEntry): Stanza {
  return Stanza.unpack(Buffer.from(payload))
}
