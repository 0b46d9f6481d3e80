/** RFC 6121 §2: Roster. Contacts are not kept yet, so every roster is empty. */
import { defineExtension, get } from '../core/extension.ts'
import { xml } from '../xml/element.ts'
import { NS } from '../xml/ns.ts'

export default defineExtension({
  name: 'roster',
  doc: 'The contact list; empty until contacts are built',
  rfcs: ['RFC 6121 §2.1.3'],
  setup: () => ({
    // RFC 6121 §2.1.4: an empty roster is an empty <query/>.
    iq: [get(NS.roster, 'query', 'account', () => xml('query', { xmlns: NS.roster }))],
  }),
})
