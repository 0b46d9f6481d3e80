/** XEP-0401: Ad-hoc Account Invitation Generation. XEP-0445: Pre-Authenticated In-Band Registration. */
import { StanzaError } from '../../core/errors.ts'
import { defineExtension, type NewStream } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import { networkOf } from '../../core/network.ts'
import { option } from '../../core/options.ts'
import { type Element, xml } from '../../xml/element.ts'
import { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import registration, { type Pass } from '../registration/index.ts'
import { Invitations } from './invitations.ts'

export { type Invitation, Invitations, type NewInvitation } from './invitations.ts'
export { invitationLinks } from './links.ts'

declare module '../../core/extension.ts' {
  interface Events {
    /** Someone came by an invitation whose maker wants him as a contact; both are accounts of this host. In no lane. */
    'invite:redeemed': { inviter: JID; newcomer: JID }
  }
}

const HOUR_MS = 60 * 60 * 1_000
/** Tokens that one network may show in an hour: nobody guesses one, but nobody needs to try either. */
const TRIES_PER_HOUR = 60

export default defineExtension({
  name: 'invitations',
  doc: 'Lets people make their account by a link that they were given',
  xeps: [
    { xep: 401, version: '0.6.0', status: 'partial', note: 'made by the operator; without ad-hoc commands' },
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
    newcomers.acceptPasses(newcomer => invitations.keptFor(newcomer))
    return {
      streamFeatures: {
        // XEP-0445 §3
        beforeSignIn: () => [xml('register', { xmlns: NS.invitedRegistration })],
      },
      beforeSignIn: [
        {
          type: 'set',
          namespace: NS.preauth,
          name: 'preauth',
          handler: async (preauth, stream) => {
            newcomers.admit(stream, await passFor(host, invitations, preauth, stream))
            return undefined
          },
        },
      ],
      on: {
        // Whoever has left invites nobody.
        'user:removed': ({ owner }) => invitations.revokeOf(owner),
      },
    }
  },
})

/** XEP-0445 §4: the token is looked at now, and used up when the account is made. */
async function passFor(
  host: Host,
  invitations: Invitations,
  preauth: Element,
  stream: NewStream,
): Promise<Pass> {
  const tries = `invitation ${networkOf(stream.address)}`
  if (!(await host.storage.ephemeral.take(tries, TRIES_PER_HOUR, HOUR_MS)))
    throw new StanzaError('resource-constraint', { text: 'too many tokens from your address: try later' })
  const found = await invitations.find(preauth.attrs.token ?? '')
  if (found === undefined)
    throw new StanzaError('item-not-found', { text: 'The provided token is invalid or expired' })
  return invitationPass(host, invitations, found.key)
}

/** The pass that an invitation gives. */
function invitationPass(host: Host, invitations: Invitations, key: string): Pass {
  return {
    key,
    async redeem(newcomer, create) {
      const { inviter } = await invitations.redeem(key, newcomer, create)
      if (inviter === undefined) return
      const contact = JID.parse(inviter)
      // Removed while the server did not run, it has left its invitations behind.
      if (await host.accounts.exists(contact))
        await host.hooks.emit('invite:redeemed', { inviter: contact, newcomer })
    },
  }
}
