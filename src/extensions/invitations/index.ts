/** XEP-0401: Ad-hoc Account Invitation Generation. XEP-0445: Pre-Authenticated In-Band Registration. XEP-0379: their tokens for contacts. */
import { defineExtension, stage } from '../../core/extension.ts'
import { option } from '../../core/options.ts'
import { xml } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import commands from '../commands/index.ts'
import registration from '../registration/index.ts'
import { Desk } from './desk.ts'
import { createAccountCommand, inviteCommand } from './invitation-commands.ts'
import { Invitations } from './invitations.ts'
import { Tokens } from './tokens.ts'

export { type Invitation, Invitations, type NewInvitation } from './invitations.ts'
export { invitationLinks } from './links.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /** Someone came by the invitation of an account of this host, so that they are to be contacts. In no lane. */
    'invite:redeemed': { inviter: JID; newcomer: JID }
  }
}

export default defineExtension({
  name: 'invitations',
  doc: 'Lets people make their account by a link that they were given',
  xeps: [
    { xep: 401, version: '0.6.0', status: 'complete' },
    { xep: 379, version: '0.3.3', status: 'complete', note: 'links and approval by the server' },
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
    'for-users': option.choice({
      doc: 'What users may invite others to: to an `account` here and as their contact, only as their `contact`, or to `nothing`. Administrators may always',
      default: 'account',
      choices: ['account', 'contact', 'nothing'],
      live: true,
    }),
    'accounts-by': option.choice({
      doc: 'Who may make invitations that are for an account alone, with a name or without, from a client',
      default: 'admins',
      choices: ['admins', 'users', 'nobody'],
      live: true,
    }),
    'open-per-user': option.integer({
      doc: 'Invitations of one user that are good at a time; administrators may make more',
      default: 10,
      min: 1,
      max: 1_000,
      live: true,
    }),
    'per-day': option.integer({
      doc: 'Invitations that one user may make in a day; administrators may make more',
      default: 20,
      min: 1,
      max: 10_000,
      live: true,
    }),
    'web-address': option.text({
      doc: 'Where people reach the web pages of this server, such as https://chat.example.org; empty: at the HTTP listener',
      default: '',
    }),
  },
  setup(host, options) {
    const newcomers = host.use(registration)
    const invitations = new Invitations(host.storage, host.clock, host.jid)
    const tokens = new Tokens(host, invitations)
    const parts = { host, newcomers, tokens }
    const path = '/invite/:token'
    // Much code that nobody needs until somebody comes.
    const pages = () => import('./routes.ts')
    newcomers.acceptPasses(newcomer => invitations.keptFor(newcomer))
    const desk = new Desk(host, invitations, options)
    const catalogue = host.find(commands)
    catalogue?.add(inviteCommand(host, desk, options))
    catalogue?.add(createAccountCommand(host, desk, options))
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
            if (presence.type !== 'subscribe' || token === undefined) return undefined
            const newcomer = presence.from.bare
            const befriended = await tokens.befriend(token, owner, newcomer)
            // Of somebody from elsewhere the request is answered by then.
            return befriended && newcomer.domain !== host.domain ? 'drop' : undefined
          },
        ),
      ],
      http: [
        { method: 'GET', path, handler: async request => (await pages()).show(parts, request) },
        { method: 'POST', path, handler: async request => (await pages()).register(parts, request) },
      ],
      on: {
        // Whoever has left invites nobody.
        'user:removed': ({ owner }) => invitations.revokeOf(owner),
      },
    }
  },
})
