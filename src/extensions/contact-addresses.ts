/** XEP-0157: Contact Addresses for XMPP Services. */
import { TidingsError } from '../core/errors.ts'
import { defineExtension } from '../core/extension.ts'
import { option } from '../core/options.ts'
import { resultForm } from '../xml/forms.ts'
import { NS } from '../xml/ns.ts'
import disco from './disco.ts'

const uris = (purpose: string) =>
  option.texts({ doc: `URIs (mailto:, xmpp:, https:) ${purpose}`, default: [] })

export default defineExtension({
  name: 'contact-addresses',
  doc: 'Publishes how to reach the people who run the server',
  xeps: [{ xep: 157, version: '1.1.1', status: 'complete' }],
  requires: [disco],
  options: {
    abuse: uris('to report abuse to'),
    admin: uris('of the administrators'),
    feedback: uris('for feedback'),
    sales: uris('for sales'),
    security: uris('to report security problems to'),
    status: uris('where the state of the service is shown'),
    support: uris('for support'),
  },
  setup(host, options) {
    const given = Object.entries(options).filter(([, addresses]) => addresses.length > 0)
    for (const [name, addresses] of given) for (const address of addresses) requireURI(name, address)
    if (given.length === 0) return {}
    const fields = Object.fromEntries(given.map(([name, addresses]) => [`${name}-addresses`, addresses]))
    host.use(disco).addForm('server', () => resultForm(NS.serverInfo, fields))
    return {}
  },
})

/** XEP-0157 §3: addresses are URIs (a MUST for `status`, a SHOULD for the others; a bare e-mail address is a slip either way). */
function requireURI(name: string, address: string): void {
  if (URL.canParse(address)) return
  throw new TidingsError(
    'TIDINGS_CONTACT_ADDRESS',
    `extensions.contact-addresses.${name}: "${address}" is no URI; write for example mailto:admin@example.com`,
  )
}
