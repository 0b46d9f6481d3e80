import { StanzaError } from '../../core/errors.ts'
import type { Host } from '../../core/host.ts'
import type { JID } from '../../xml/jid.ts'
import type { Invitation, Invitations, NewInvitation } from './invitations.ts'
import { type InvitationLinks, invitationLinks } from './links.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

/** How users invite. */
export interface DeskOptions {
  readonly days: number
  readonly 'open-per-user': number
  readonly 'per-day': number
  readonly 'web-address': string
}

/** What a user gets to pass on. */
export interface Issued extends InvitationLinks {
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** Where accounts get invitations to pass on; users within bounds, administrators without. */
export class Desk {
  readonly #host: Host
  readonly #invitations: Invitations
  readonly #options: DeskOptions

  constructor(host: Host, invitations: Invitations, options: DeskOptions) {
    this.#host = host
    this.#invitations = invitations
    this.#options = options
  }

  /** Makes an invitation for an account to pass on. Rejects with a StanzaError `resource-constraint`, or as `Invitations.create`. */
  async issue(by: JID, wanted: Pick<NewInvitation, 'name' | 'inviter' | 'only'>): Promise<Issued> {
    const lifetime = this.#options.days * DAY_MS
    // In its lane, so that two at once are not one too many. Requests to the server are answered at the home of who asks.
    const { token, invitation } = await this.#host.router.homes.inLane(by, async () => {
      await this.#requireRoom(by)
      return this.#invitations.create({ ...wanted, by: by.toString(), lifetime, uses: 1 })
    })
    return { ...this.#links(token, invitation), expires: invitation.expires }
  }

  async #requireRoom(by: JID): Promise<void> {
    if (await this.#host.isAdmin(by)) return
    const { 'open-per-user': most, 'per-day': perDay } = this.#options
    if ((await this.#invitations.openOf(by, most)) >= most)
      throw new StanzaError('resource-constraint', {
        text: `${most} of your invitations are still open: wait until somebody comes or they expire`,
      })
    if (!(await this.#host.storage.ephemeral.take(`invitations ${by}`, perDay, DAY_MS)))
      throw new StanzaError('resource-constraint', { text: 'too many invitations for one day: try later' })
  }

  #links(token: string, invitation: Invitation): InvitationLinks {
    const web = this.#options['web-address'] || this.#host.web
    // XEP-0401 §5.1: "an HTTPS URL": who passes a link on must not hand its token, and a password, to everybody on the way.
    const page = web !== undefined && (web.startsWith('https:') || isLocal(web)) ? web : undefined
    return invitationLinks(this.#host.domain, invitation, token, page)
  }
}

/** A server to try out, which only its machine can reach. */
function isLocal(web: string): boolean {
  return new URL(web).hostname === 'localhost'
}
