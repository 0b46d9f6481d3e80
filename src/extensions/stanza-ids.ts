/** XEP-0359: Unique and Stable Stanza IDs: keeps others from forging ours. Our own are made by core/ids.ts. */
import { defineExtension, SIDES, stage } from '../core/extension.ts'
import { withoutForged } from '../core/forged.ts'
import type { Router } from '../core/router.ts'
import { JID } from '../xml/jid.ts'
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
      // XEP-0359 §3 rules 2, 3: ids by an address of ours go, those by others and `origin-id` stay.
      withoutForged: (message, name, namespace) =>
        withoutForged(message, child => child.is(name, namespace) && isOurs(child.attrs.by, router)),
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

function isOurs(by: string | undefined, router: Router): boolean {
  const domain = by === undefined ? undefined : JID.tryParse(by)?.domain
  return domain !== undefined && router.host(domain) !== undefined
}
