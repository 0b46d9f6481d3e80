import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import { networkOf } from '../../core/network.ts'
import { JID } from '../../xml/jid.ts'
import type { Pass } from '../registration/index.ts'
import type { Invitation, Invitations } from './invitations.ts'

const HOUR_MS = 60 * 60 * 1_000
/** Tokens that one network, or one account, may show in an hour: nobody guesses one, but nobody needs to try either. */
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
    const { key, invitation } = await this.#find(token, networkOf(address))
    if (invitation.only === 'contact') throw unknown()
    return { pass: this.#pass(key), invitation }
  }

  /** The invitation of a token, whatever it is good for. Rejects with a StanzaError. */
  async look(token: string, address: string): Promise<Invitation> {
    return (await this.#find(token, networkOf(address))).invitation
  }

  /**
   * XEP-0379 §3.5: somebody who has an account, here or elsewhere, and whom the owner has invited asks to see him. Any other token is
   * ignored: false.
   */
  async befriend(token: string, owner: JID, newcomer: JID): Promise<boolean> {
    try {
      const { key, invitation } = await this.#find(token, newcomer.toString())
      if (invitation.inviter !== owner.toString() || invitation.only === 'account') return false
      await this.#pass(key).redeem(newcomer, async () => {})
      return true
    } catch (error) {
      // XEP-0379 §4.1: as if there were none.
      if (!(error instanceof StanzaError)) throw error
      return false
    }
  }

  async #find(
    token: string,
    who: string,
  ): Promise<{ readonly key: string; readonly invitation: Invitation }> {
    const tries = `invitation ${who}`
    if (!(await this.#host.storage.ephemeral.take(tries, TRIES_PER_HOUR, HOUR_MS)))
      throw new StanzaError('resource-constraint', { text: 'too many tokens from your address: try later' })
    const found = await this.#invitations.find(token)
    if (found === undefined) throw unknown()
    return found
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

function unknown(): StanzaError {
  return new StanzaError('item-not-found', { text: 'The provided token is invalid or expired' })
}
