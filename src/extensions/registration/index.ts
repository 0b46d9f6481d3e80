/** XEP-0077: In-Band Registration. */
import { defineExtension, get, set } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { xml } from '../../xml/element.ts'
import { NS } from '../../xml/ns.ts'
import { Members } from './members.ts'
import { Newcomers } from './newcomers.ts'

export type { Newcomers, Pass } from './newcomers.ts'

export default defineExtension({
  name: 'registration',
  doc: 'Lets users change their password and leave, and newcomers register where that is open to them',
  xeps: [
    {
      xep: 77,
      version: '2.4',
      status: 'partial',
      note: 'without the error codes of before RFC 3920 (XEP-0086), which XMPP has dropped',
    },
  ],
  features: { server: [NS.register] },
  options: {
    open: option.boolean({
      doc: 'Whether anybody may make an account; otherwise it takes an invitation, or an administrator',
      default: false,
    }),
    'accounts-per-hour': option.integer({
      doc: 'Accounts that may be made from one address (IPv6: one /64 network) in an hour',
      default: 10,
      min: 1,
      max: 100_000,
    }),
    'change-password': option.boolean({ doc: 'Whether users may change their password', default: true }),
    cancel: option.boolean({ doc: 'Whether users may remove their own account', default: true }),
  },
  setup(host, options) {
    const newcomers = new Newcomers(host, { open: options.open, perHour: options['accounts-per-hour'] })
    const members = new Members(host, { changePassword: options['change-password'], cancel: options.cancel })
    const { register } = NS
    return {
      beforeSignIn: {
        // XEP-0077 §8
        features: () => (newcomers.offered ? [xml('register', { xmlns: NS.registerFeature })] : []),
        iq: [
          {
            type: 'get',
            namespace: register,
            name: 'query',
            handler: (_, stream) => newcomers.blank(stream),
          },
          {
            type: 'set',
            namespace: register,
            name: 'query',
            handler: (query, stream) => newcomers.register(query, stream),
          },
        ],
      },
      iq: [
        get(register, 'query', 'server', iq => members.info(iq)),
        set(register, 'query', 'server', iq => members.change(iq)),
        // XEP-0077 §3.2: to one's own server also without an address.
        get(register, 'query', 'account', iq => members.info(iq)),
        set(register, 'query', 'account', iq => members.change(iq)),
      ],
      provides: newcomers,
    }
  },
})
