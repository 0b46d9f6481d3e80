import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { networkOf } from '../../core/network.ts'
import { JID } from '../../xml/jid.ts'
import type { Pass } from '../registration/index.ts'
import type { Invitation, Invitations } from './invitations.ts'

const HOUR_MS = 60 * 60 * 1_000
/** Tokens that one network may show in an hour: nobody guesses one, but nobody needs to try either. */
const TRIES_PER_HOUR = 300

/** A token that is good, as what it is good for. */
export interface Accepted {
  readonly pass: Pass
  readonly invitation: Invitation
}

/** Takes tokens of whoever shows one, over XMPP or on the web. */
export class Tokens {
  readonly #host: Host
  readonly #invitations: Invitations

  constructor(host: Host, invitations: Invitations) {
    this.#host = host
    this.#invitations = invitations
  }

  /** XEP-0445 §4: the token is looked at now, and used up when the account is made. Rejects with a StanzaError. */
  async accept(token: string, address: string): Promise<Accepted> {
    const tries = `invitation ${networkOf(address)}`
    if (!(await this.#host.storage.ephemeral.take(tries, TRIES_PER_HOUR, HOUR_MS)))
      throw new StanzaError('resource-constraint', { text: 'too many tokens from your address: try later' })
    const found = await this.#invitations.find(token)
    if (found === undefined)
      throw new StanzaError('item-not-found', { text: 'The provided token is invalid or expired' })
    return { pass: this.#pass(found.key), invitation: found.invitation }
  }

  #pass(key: string): Pass {
    return {
      key,
      redeem: async (newcomer, create) => {
        const { inviter } = await this.#invitations.redeem(key, newcomer, create)
        if (inviter !== undefined) await this.#introduce(JID.parse(inviter), newcomer)
      },
    }
  }

  /** XEP-0401 §5.5: both become contacts. Removed while the server did not run, an inviter has left his invitations behind. */
  async #introduce(inviter: JID, newcomer: JID): Promise<void> {
    if (await this.#host.accounts.exists(inviter))
      await this.#host.hooks.emit('invite:redeemed', { inviter, newcomer })
  }
}
