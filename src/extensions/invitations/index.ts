/** XEP-0401: Ad-hoc Account Invitation Generation. XEP-0445: Pre-Authenticated In-Band Registration. XEP-0379: their tokens for contacts. */
import { defineExtension, stage } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import registration from '../registration/index.ts'
import { Invitations } from './invitations.ts'
import { invitationRoutes } from './routes.ts'
import { Tokens } from './tokens.ts'

export { type Invitation, Invitations, type NewInvitation } from './invitations.ts'
export { invitationLinks } from './links.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /** Someone came by the invitation of another one, so that they are to be contacts; both are accounts of this host. In no lane. */
    'invite:redeemed': { inviter: JID; newcomer: JID }
  }
}

export default defineExtension({
  name: 'invitations',
  doc: 'Lets people make their account by a link that they were given',
  xeps: [
    { xep: 401, version: '0.6.0', status: 'partial', note: 'made by the operator; without ad-hoc commands' },
    {
      xep: 379,
      version: '0.3.3',
      status: 'partial',
      note: 'links and tokens by the server; among accounts of one host',
    },
    { xep: 445, version: '0.2.0', status: 'complete' },
  ],
  requires: [registration],
  options: {
    days: option.integer({
      doc: 'How long an invitation is good, unless it says so itself',
      default: 7,
      min: 1,
      max: 365,
      unit: 'days',
    }),
    'web-address': option.text({
      doc: 'Where people reach the web pages of this server, such as https://chat.example.org; empty: at the HTTP listener',
      default: '',
    }),
  },
  setup(host) {
    const newcomers = host.use(registration)
    const invitations = new Invitations(host.storage, host.clock, host.jid)
    const tokens = new Tokens(host, invitations)
    newcomers.acceptPasses(newcomer => invitations.keptFor(newcomer))
    return {
      beforeSignIn: {
        // XEP-0445 §3
        features: () => [xml('register', { xmlns: NS.invitedRegistration })],
        iq: [
          {
            type: 'set',
            namespace: NS.preauth,
            name: 'preauth',
            handler: async (preauth, stream) => {
              const { pass } = await tokens.accept(preauth.attrs.token ?? '', stream.address)
              newcomers.admit(stream, pass)
              return undefined
            },
          },
        ],
      },
      stages: [
        stage(
          'guard',
          { kind: 'presence', side: 'recipient', child: ['preauth', NS.preauth] },
          async (presence, { owner }) => {
            const token = presence.child('preauth', NS.preauth)?.attrs.token
            if (presence.type === 'subscribe' && token !== undefined)
              await tokens.befriend(token, owner, presence.from.bare)
            return undefined
          },
        ),
      ],
      http: invitationRoutes({ host, newcomers, tokens }),
      on: {
        // Whoever has left invites nobody.
        'user:removed': ({ owner }) => invitations.revokeOf(owner),
      },
    }
  },
})
