import type { ArchiveIds } from '../../core/ids.ts'
import { type Maybe, then } from '../../core/maybe.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import type { Stanza } from '../../xml/stanza.ts'

/** Of carbons: XEP-0280 §7, §8. */
const WRAPPERS = ['sent', 'received'] as const

/** Which message of an owner's archive this message brings: itself, or in a carbon (XEP-0280), or as a result of a query (XEP-0313). */
export function numberIn(message: Stanza, owner: JID, ids: ArchiveIds): Maybe<bigint | undefined> {
  // Both are from the account itself, and nobody else can have forged them: they are removed where they come in.
  if (!message.from.equals(owner)) return ids.numberOf(message, owner)
  return then(ids.ready(), () => {
    const id = message.child('result', NS.archive)?.attrs.id ?? idInCarbon(message, owner)
    return typeof id === 'string' ? ids.parse(owner, id) : undefined
  })
}

/** The stanza-id (XEP-0359) of the message inside. */
function idInCarbon(message: Stanza, owner: JID): unknown {
  const by = owner.toString()
  for (const name of WRAPPERS) {
    const copied = message.child(name, NS.carbons)?.getChild('forwarded', NS.forward)?.getChild('message')
    const ids: Element[] = copied?.getChildren('stanza-id', NS.stanzaIds) ?? []
    const own = ids.find(id => id.attrs.by === by)
    if (own !== undefined) return own.attrs.id
  }
  return undefined
}
