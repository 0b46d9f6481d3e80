import { StanzaError } from '../../core/errors.ts'
import type { IqAnswer, IqContext } from '../../core/extension.ts'
import type { Host } from '../../core/host.ts'
import type { Element } from '../../xml/element.ts'
import type { JID } from '../../xml/jid.ts'
import { NS } from '../../xml/ns.ts'
import { answersOf, registeredQuery } from './fields.ts'
import { explained } from './newcomers.ts'

const HOUR_MS = 60 * 60 * 1_000
/** Changes of a password in an hour: each costs some milliseconds of a core. */
const CHANGES_PER_HOUR = 10

/** What members may do. */
export interface MembersOptions {
  readonly changePassword: boolean
  readonly cancel: boolean
}

/** Those who have an account and are signed in: they may change their password and leave. */
export class Members {
  readonly #host: Host
  readonly #options: MembersOptions

  constructor(host: Host, options: MembersOptions) {
    this.#host = host
    this.#options = options
  }

  /** XEP-0077 §3.1: what is on file. */
  info(iq: IqContext): Element {
    return registeredQuery(this.#member(iq).local)
  }

  /** XEP-0077 §3.2, §3.3: to cancel the registration, or to change the password. */
  async change(iq: IqContext): Promise<IqAnswer | undefined> {
    const member = this.#member(iq)
    if (iq.payload.getChild('remove', NS.register) === undefined) return this.#setPassword(member, iq.payload)
    // XEP-0077 §3.2: bad-request where <remove/> is not alone.
    if (iq.payload.getChildElements().length > 1) throw new StanzaError('bad-request')
    return this.#remove(member)
  }

  async #setPassword(member: JID, query: Element): Promise<undefined> {
    if (!this.#options.changePassword) throw new StanzaError('not-allowed')
    const { username, password } = answersOf(query)
    // XEP-0077 §3.3: incomplete information; an empty password changes nothing.
    if (username === '' || password === '')
      throw new StanzaError('bad-request', { text: 'your name and the new password are needed' })
    if (username.toLowerCase() !== member.local && username !== member.toString())
      throw new StanzaError('bad-request', { text: 'the name is not yours' })
    const key = `registration password ${member}`
    if (!(await this.#host.storage.ephemeral.take(key, CHANGES_PER_HOUR, HOUR_MS)))
      throw new StanzaError('resource-constraint', { text: 'too many changes: try later' })
    try {
      await this.#host.accounts.setPassword(member, password)
    } catch (error) {
      throw explained(error)
    }
  }

  /** XEP-0077 §3.2: first the account, so that nobody signs in while the rest goes; then the answer; then sessions and data. */
  async #remove(member: JID): Promise<IqAnswer> {
    if (!this.#options.cancel) throw new StanzaError('not-allowed')
    if (!(await this.#host.accounts.remove(member))) throw new StanzaError('registration-required')
    this.#host.log.info({ account: member }, 'a registration was cancelled')
    const forget = (): void => this.#host.background.run('cancel', this.#host.router.atHome.forget(member))
    return { payload: undefined, after: forget }
  }

  /** XEP-0077 §3.2: identified by who sends the request, and only accounts of this host are registered here. */
  #member({ stanza: { from } }: IqContext): JID {
    if (from.domain !== this.#host.domain || from.local === '') throw new StanzaError('registration-required')
    return from.bare
  }
}
