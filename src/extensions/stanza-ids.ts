/** XEP-0359: Unique and Stable Stanza IDs: keeps others from forging ours. Our own are made by core/ids.ts. */
import { defineExtension, SIDES, stage } from '../core/extension.ts'
import type { Router } from '../core/router.ts'
import type { Element } from '../xml/element.ts'
import { JID, JIDError } from '../xml/jid.ts'
import { NS } from '../xml/ns.ts'
import type { Stanza } from '../xml/stanza.ts'

/** What other extensions need of it, whose elements say by whom they are in the same way. */
export interface ForgeryFilter {
  /** A message without those of these elements, at the top level, whose `by` is an address of ours. */
  withoutForged(message: Stanza, name: string, namespace: string): Stanza
}

export default defineExtension({
  name: 'stanza-ids',
  doc: 'Removes ids of archived messages that pretend to be from this server',
  xeps: [{ xep: 359, version: '0.7.0', status: 'complete' }],
  features: { server: [NS.stanzaIds], account: [NS.stanzaIds] },
  setup({ router }) {
    const filter: ForgeryFilter = {
      withoutForged: (message, name, namespace) => withoutForged(message, name, namespace, router),
    }
    return {
      stages: SIDES.map(side =>
        stage('stamp', { kind: 'message', side, child: ['stanza-id', NS.stanzaIds] }, message =>
          filter.withoutForged(message, 'stanza-id', NS.stanzaIds),
        ),
      ),
      provides: filter,
    }
  },
})

/** XEP-0359 §3 rules 2, 3: ids by an address of ours go, those by others and `origin-id` stay. */
function withoutForged(message: Stanza, name: string, namespace: string, router: Router): Stanza {
  const forged = (child: Element) => child.is(name, namespace) && isOurs(child.attrs.by, router)
  if (!message.children().some(forged)) return message
  return message.edit(copy => {
    for (const child of copy.getChildElements().filter(forged)) copy.remove(child)
  })
}

function isOurs(by: string | undefined, router: Router): boolean {
  try {
    return by !== undefined && router.host(JID.parse(by).domain) !== undefined
  } catch (error) {
    if (error instanceof JIDError) return false
    throw error
  }
}
